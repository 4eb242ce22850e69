-- nqueens.lisp in Lua: a pair is a table of two items, the empty list is nil.
function run(size)
  local function one_to(n)
    local items
    while n > 0 do
      items = {n, items}
      n = n - 1
    end
    return items
  end
  local function is_safe(row, distance, placed)
    while placed do
      local other = placed[1]
      if other == row + distance or other == row - distance then return false end
      distance = distance + 1
      placed = placed[2]
    end
    return true
  end
  local function append_reversed(a, b)
    while a do
      b = {a[1], b}
      a = a[2]
    end
    return b
  end
  local try
  local function try_next(candidates, rejected, placed)
    if not candidates[2] then return 0 end
    return try(candidates[2], {candidates[1], rejected}, placed)
  end
  function try(candidates, rejected, placed)
    if not candidates then return rejected and 0 or 1 end
    local found = 0
    if is_safe(candidates[1], 1, placed) then
      found = try(append_reversed(candidates[2], rejected), nil, {candidates[1], placed})
    end
    return found + try_next(candidates, rejected, placed)
  end
  return try(one_to(size))
end
