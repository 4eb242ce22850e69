-- quicksort.lisp in Lua.
function run(size)
  local floor = math.floor
  local seed = 12345
  local function random()
    seed = seed * 8043 % 131071
    return seed
  end
  local items = {}
  for i = 0, size - 1 do items[i] = random() end
  local function swap(i, j)
    items[i], items[j] = items[j], items[i]
  end
  local function sort(low, high)
    if low >= high then return end
    local pivot = items[floor((low + high) / 2)]
    local i, j = low, high
    while true do
      while items[i] < pivot do i = i + 1 end
      while pivot < items[j] do j = j - 1 end
      if i < j then
        swap(i, j)
        i, j = i + 1, j - 1
      elseif i == j then
        sort(low, i - 1)
        return sort(i + 1, high)
      else
        sort(low, j)
        return sort(i, high)
      end
    end
  end
  sort(0, size - 1)
  local sum = 0
  for i = 1, size - 1 do
    if items[i] < items[i - 1] then return "(unsorted " .. i .. ")" end
    sum = (sum * 3 + items[i]) % 65521
  end
  return sum
end
