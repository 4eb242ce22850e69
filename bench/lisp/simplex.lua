-- simplex.lisp in Lua.
function run(size)
  local rows, columns = 40, 60
  local width = columns + rows + 1
  local function make_tableau(seed)
    local function random(n)
      seed = seed * 8043 % 131071
      return 1 + seed % n + 0.0
    end
    local tableau = {}
    for i = 0, rows do
      local row = {}
      for j = 0, width - 1 do row[j] = 0.0 end
      for j = 0, columns - 1 do row[j] = i == rows and -random(50) or random(20) end
      if i < rows then
        row[columns + i] = 1.0
        row[width - 1] = 100.0 * random(90)
      end
      tableau[i] = row
    end
    return tableau
  end
  local function entering(tableau)
    local objective = tableau[rows]
    local best, column = -1e-9, nil
    for j = 0, width - 2 do
      if objective[j] < best then best, column = objective[j], j end
    end
    return column
  end
  local function leaving(tableau, column)
    local best, found = 1e30, nil
    for i = 0, rows - 1 do
      local row = tableau[i]
      local coefficient = row[column]
      if coefficient > 1e-9 then
        local ratio = row[width - 1] / coefficient
        if ratio < best then best, found = ratio, i end
      end
    end
    return found
  end
  local function pivot(tableau, r, column)
    local pivot_row = tableau[r]
    local scale = 1.0 / pivot_row[column]
    for j = 0, width - 1 do pivot_row[j] = scale * pivot_row[j] end
    for i = 0, rows do
      if i ~= r then
        local row = tableau[i]
        local factor = row[column]
        if factor ~= 0.0 then
          for j = 0, width - 1 do row[j] = row[j] - factor * pivot_row[j] end
        end
      end
    end
  end
  local pivots, sum = 0, 0
  for i = 1, size do
    local tableau = make_tableau(37 * i)
    while true do
      local column = entering(tableau)
      if not column then break end
      local row = leaving(tableau, column)
      if not row then return "unbounded" end
      pivot(tableau, row, column)
      pivots = pivots + 1
    end
    sum = sum + math.floor(tableau[rows][width - 1] + 0.5)
  end
  return string.format("(%d %d)", pivots, sum)
end
