-- sieve.lisp in Lua.
function run(size)
  local prime = {}
  for i = 0, size do prime[i] = true end
  local count = 0
  for i = 2, size do
    if prime[i] then
      for j = i + i, size, i do prime[j] = false end
      count = count + 1
    end
  end
  return count
end
