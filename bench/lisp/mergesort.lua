-- mergesort.lisp in Lua: a pair is a table of two items, the empty list is nil.
function run(size)
  local floor = math.floor
  local function append_reversed(a, b)
    while a do
      b = {a[1], b}
      a = a[2]
    end
    return b
  end
  local function merge(a, b, before)
    local merged
    while true do
      if not a then return append_reversed(merged, b) end
      if not b then return append_reversed(merged, a) end
      if before(b[1], a[1]) then
        merged = {b[1], merged}
        b = b[2]
      else
        merged = {a[1], merged}
        a = a[2]
      end
    end
  end
  local function tail(items, n)
    for _ = 1, n do items = items[2] end
    return items
  end
  local function length(items)
    local n = 0
    while items do n, items = n + 1, items[2] end
    return n
  end
  local function sort_list(items, before)
    local function sort_first(items, n)
      if n == 1 then return {items[1], nil} end
      local half = floor(n / 2)
      return merge(sort_first(items, half), sort_first(tail(items, half), n - half), before)
    end
    if not items then return nil end
    return sort_first(items, length(items))
  end
  local function is_sorted(items, before)
    while items and items[2] do
      if before(items[2][1], items[1]) then return false end
      items = items[2]
    end
    return true
  end
  local function map(f, items)
    if not items then return nil end
    local first = {f(items[1]), nil}
    local last = first
    items = items[2]
    while items do
      last[2] = {f(items[1]), nil}
      last = last[2]
      items = items[2]
    end
    return first
  end
  local seed = 4711
  local function random()
    seed = seed * 8043 % 131071
    return seed
  end
  local numbers
  for _ = 1, size do numbers = {random(), numbers} end
  local function check(items, before, form)
    local sorted = sort_list(items, before)
    if not is_sorted(sorted, before) then return "unsorted" end
    return string.format(form, sorted[1], tail(sorted, floor(size / 2))[1])
  end
  local function less(a, b) return a < b end
  return string.format("(%s %s %s %s)",
    check(numbers, less, "(%d %d)"),
    check(numbers, function(a, b) return a > b end, "(%d %d)"),
    check(numbers, function(a, b) return a % 1000 < b % 1000 end, "(%d %d)"),
    check(map(tostring, numbers), less, '("%s" "%s")'))
end
