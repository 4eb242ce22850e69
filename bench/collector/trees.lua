-- trees.lisp in Lua: a node is a table with four fields.
function run(stretch)
  local function leaf() return {left = false, right = false, i = 0, j = 0} end
  local function bottom_up(depth)
    if depth == 0 then return leaf() end
    return {left = bottom_up(depth - 1), right = bottom_up(depth - 1), i = 0, j = 0}
  end
  local function populate(node, depth)
    if depth > 0 then
      node.left = leaf()
      node.right = leaf()
      populate(node.left, depth - 1)
      populate(node.right, depth - 1)
    end
  end
  local function top_down(depth)
    local root = leaf()
    populate(root, depth)
    return root
  end
  local function nodes(node)
    if not node then return 0 end
    return 1 + nodes(node.left) + nodes(node.right)
  end
  local function tree_size(depth) return (1 << depth + 1) - 1 end
  local depth_of_lasting = stretch - 2
  local function build_and_drop(depth)
    local count = 2 * tree_size(stretch) // tree_size(depth)
    for _ = 1, count do top_down(depth) end
    for _ = 1, count do bottom_up(depth) end
    return 2 * count
  end
  bottom_up(stretch)
  local lasting = top_down(depth_of_lasting)
  local numbers = {}
  for i = 0, 499999 do numbers[i] = 0.0 end
  for i = 0, 249999 do numbers[i] = 1.0 / (i + 1) end
  local trees = 0
  for depth = 4, depth_of_lasting, 2 do trees = trees + build_and_drop(depth) end
  return string.format("(%d %d %s)", trees, nodes(lasting), numbers[999] == 0.001 and "#t" or "#f")
end
