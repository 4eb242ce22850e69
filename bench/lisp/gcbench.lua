-- gcbench.lisp in Lua: a node is a table with two fields.
function run(size)
  local function bottom_up(depth)
    if depth == 0 then return {left = false, right = false} end
    return {left = bottom_up(depth - 1), right = bottom_up(depth - 1)}
  end
  local function populate(node, depth)
    if depth > 0 then
      node.left = {left = false, right = false}
      node.right = {left = false, right = false}
      populate(node.left, depth - 1)
      populate(node.right, depth - 1)
    end
  end
  local function top_down(depth)
    local root = {left = false, right = false}
    populate(root, depth)
    return root
  end
  local function nodes(node)
    if not node then return 0 end
    return 1 + nodes(node.left) + nodes(node.right)
  end
  local long_lived = top_down(size)
  local numbers = {}
  for i = 0, 99999 do numbers[i] = 0.0 end
  for i = 0, 49999 do numbers[i] = 1.0 / (i + 1) end
  local made = 0
  for depth = 4, size, 2 do
    for _ = 1, 2 ^ (size - depth) do
      made = made + nodes(top_down(depth)) + nodes(bottom_up(depth))
    end
  end
  local intact = 0.00009 < numbers[9999] and numbers[9999] < 0.00011
  return string.format("(%d %d %s)", made, nodes(long_lived), intact and "#t" or "#f")
end
