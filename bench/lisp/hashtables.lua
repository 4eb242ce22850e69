-- hashtables.lisp in Lua; names are strings, as there are no symbols.
function run(size)
  local floor = math.floor
  local names = {}
  for i = 0, 499 do names[i] = "name-" .. i end
  local by_number, by_name = {}, {}
  local function fill()
    for i = 0, size - 1 do
      by_number[i * 3] = i
      local name = names[i * 7 % 500]
      by_name[name] = 1 + (by_name[name] or 0)
    end
  end
  local function look_up()
    local found = 0
    for i = 0, 2 * size - 1 do
      if by_number[i] then found = found + 1 end
    end
    return found
  end
  local function thin_out()
    for i = 0, 3 * size - 1, 6 do by_number[i] = nil end
  end
  local function summary(t)
    local entries, sum = 0, 0
    for _, value in pairs(t) do
      entries = entries + 1
      sum = sum + value % 1000
    end
    return entries, sum
  end
  local found = 0
  for _ = 1, 3 do
    fill()
    found = found + look_up()
    thin_out()
    found = found + look_up()
  end
  local numbers, number_sum = summary(by_number)
  local entries, name_sum = summary(by_name)
  return string.format("(%d %d %d %d %d)", found, numbers, entries, number_sum, name_sum)
end
