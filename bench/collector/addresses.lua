-- addresses.lisp in Lua: keys are tables, and lists are made of pairs.
function run(size)
  local keys, numbers = {}, {}
  for i = 0, size - 1 do
    keys[i] = {i, false}
    numbers[keys[i]] = i
  end
  local sum, kept = 0, false
  for round = 0, 199 do
    numbers[{round, false}] = round
    kept = false
    for i = 0, 69999 do kept = {i, kept} end
    local length = 0
    local rest = kept
    while rest do
      length = length + 1
      rest = rest[2]
    end
    for i = 0, 9 do sum = sum + (numbers[keys[round * (i + 7919) % size]] or -1) end
    sum = sum + length
  end
  local entries = 0
  for _ in pairs(numbers) do entries = entries + 1 end
  return string.format("(%d %d)", entries, sum)
end
