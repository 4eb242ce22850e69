-- records.lisp in Lua: a record is a table with the fields' names as keys.
function run(size)
  local function level(node) return node and node.level or 0 end
  local function skew(node)
    local left = node.left
    if left and left.level == node.level then
      node.left = left.right
      left.right = node
      return left
    end
    return node
  end
  local function split(node)
    local right = node.right
    if right and node.level == level(right.right) then
      node.right = right.left
      right.left = node
      right.level = right.level + 1
      return right
    end
    return node
  end
  local function insert(node, key, value, before)
    if not node then return {level = 1, key = key, value = value, left = false, right = false} end
    if before(key, node.key) then
      node.left = insert(node.left, key, value, before)
      return split(skew(node))
    elseif before(node.key, key) then
      node.right = insert(node.right, key, value, before)
      return split(skew(node))
    end
    node.value = node.value + value
    return node
  end
  local function look_up(node, key, before)
    while node do
      if before(key, node.key) then
        node = node.left
      elseif before(node.key, key) then
        node = node.right
      else
        return node.value
      end
    end
    return 0
  end
  local function height(node)
    if not node then return 0 end
    return 1 + math.max(height(node.left), height(node.right))
  end
  local function count(node)
    if not node then return 0 end
    return 1 + count(node.left) + count(node.right)
  end
  local seed = 1
  local function random()
    seed = seed * 8043 % 131071
    return seed
  end
  local function less(a, b) return a < b end
  local tree = false
  for _ = 1, size do tree = insert(tree, random(), 1, less) end
  local sum = 0
  for i = 0, 131070 do sum = sum + look_up(tree, i, less) end
  return string.format("(%d %d %s)", sum, count(tree), height(tree) <= 34 and "#t" or "#f")
end
