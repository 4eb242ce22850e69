-- puzzle.lisp in Lua.
function run(size)
  local side = 8
  local cells = side * side * side
  local function place(x, y, z) return x + side * (y + side * z) end
  local kinds = 13
  local count = {}
  local kind_class, kind_last, kind_cells = {}, {}, {}
  local box = {}
  local trials = 0

  local function define_kind(kind, class, x_last, y_last, z_last)
    local shape = {}
    for i = 0, cells - 1 do shape[i] = false end
    for z = 0, z_last do
      for y = 0, y_last do
        for x = 0, x_last do shape[place(x, y, z)] = true end
      end
    end
    kind_class[kind] = class
    kind_last[kind] = place(x_last, y_last, z_last)
    kind_cells[kind] = shape
  end
  local function fits(kind, at)
    local shape = kind_cells[kind]
    for k = 0, kind_last[kind] do
      if shape[k] and box[at + k] then return false end
    end
    return true
  end
  local function use(kind, change)
    local class = kind_class[kind]
    count[class] = count[class] + change
  end
  local function fill(kind, at, value)
    local shape = kind_cells[kind]
    for k = 0, kind_last[kind] do
      if shape[k] then box[at + k] = value end
    end
  end
  local function put(kind, at)
    fill(kind, at, true)
    use(kind, -1)
    for k = at, cells - 1 do
      if not box[k] then return k end
    end
    return 0
  end
  local function remove(kind, at)
    fill(kind, at, false)
    use(kind, 1)
  end
  local function try(at)
    trials = trials + 1
    for kind = 0, kinds - 1 do
      if count[kind_class[kind]] ~= 0 and fits(kind, at) then
        local next_at = put(kind, at)
        if next_at == 0 or try(next_at) then return true end
        remove(kind, at)
      end
    end
    return false
  end
  local function solve()
    for i = 0, cells - 1 do box[i] = true end
    for z = 1, 5 do
      for y = 1, 5 do
        for x = 1, 5 do box[place(x, y, z)] = false end
      end
    end
    count[0], count[1], count[2], count[3] = 13, 3, 1, 1
    trials = 0
    return try(place(1, 1, 1)) and trials
  end

  define_kind(0, 0, 3, 1, 0)
  define_kind(1, 0, 1, 0, 3)
  define_kind(2, 0, 0, 3, 1)
  define_kind(3, 0, 1, 3, 0)
  define_kind(4, 0, 3, 0, 1)
  define_kind(5, 0, 0, 1, 3)
  define_kind(6, 1, 2, 0, 0)
  define_kind(7, 1, 0, 2, 0)
  define_kind(8, 1, 0, 0, 2)
  define_kind(9, 2, 1, 1, 0)
  define_kind(10, 2, 1, 0, 1)
  define_kind(11, 2, 0, 1, 1)
  define_kind(12, 3, 1, 1, 1)
  local result
  for _ = 1, size do result = solve() end
  return result
end
