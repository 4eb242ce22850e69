-- mutation.lisp in Lua: a record is a table with two fields, a list one of pairs, as there.
function run(mebibytes)
  local count = 82 * mebibytes
  local lists = {}
  local random = 1
  local function any()
    random = (random * 421 + 54773) % 259200
    return random % count
  end
  local function make_items()
    local items = false
    for i = 0, 399 do items = {{value = 1.5 * i, number = i}, items} end
    return items
  end
  local function list_ref(items, index)
    for _ = 1, index do items = items[2] end
    return items[1]
  end
  local function change()
    lists[any()] = make_items()
    for i = 0, 99 do list_ref(lists[any()], i % 20).value = 0.5 * i end
  end
  for i = 0, count - 1 do lists[i] = make_items() end
  for _ = 1, count do change() end
  local numbers, values = 0, 0.0
  for i = 0, count - 1 do
    local items = lists[i]
    numbers = numbers + list_ref(items, 19).number
    for _ = 1, 20 do
      values = values + items[1].value
      items = items[2]
    end
  end
  return string.format("(%d %d)", numbers, 2 * values)
end
