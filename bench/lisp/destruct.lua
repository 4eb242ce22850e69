-- destruct.lisp in Lua: a pair is a table of two items, the empty list is nil.
function run(size)
  local function ascending(n)
    local items
    for i = n - 1, 0, -1 do items = {i, items} end
    return items
  end
  local function reverse_in_place(items)
    local done
    while items do
      local rest = items[2]
      items[2] = done
      done, items = items, rest
    end
    return done
  end
  local function splice(a, b)
    if not a then return b end
    local last = a
    while last[2] do last = last[2] end
    last[2] = b
    return a
  end
  local function cut(items, n)
    while n > 1 do items, n = items[2], n - 1 end
    local rest = items[2]
    items[2] = nil
    return rest
  end
  local function increment(items)
    while items do
      items[1] = (5 * items[1] + 3) % 1009
      items = items[2]
    end
  end
  local function copy(items)
    if not items then return nil end
    return {items[1], copy(items[2])}
  end
  local rows
  for _ = 1, 20 do rows = {ascending(100), rows} end
  local function rotate(row, n)
    local rest = cut(row, n)
    return splice(reverse_in_place(rest), row)
  end
  for i = 0, size - 1 do
    local left = rows
    while left do
      left[1] = rotate(left[1], 1 + 7 * i % 98)
      increment(left[1])
      if i % 4 == 0 then
        local rest = cut(left[1], 90)
        left[1] = splice(copy(rest), left[1])
      end
      left = left[2]
    end
  end
  local total = 0
  while rows do
    local items = rows[1]
    while items do
      total = total + items[1]
      items = items[2]
    end
    rows = rows[2]
  end
  return total
end
