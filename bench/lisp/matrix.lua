-- matrix.lisp in Lua.
function run(size)
  local function make(n, element)
    local rows = {}
    for i = 0, n - 1 do
      local row = {}
      for j = 0, n - 1 do row[j] = element(i, j) end
      rows[i] = row
    end
    return rows
  end
  local function multiply(a, b, n)
    return make(n, function(i, j)
      local row = a[i]
      local sum = 0
      for k = 0, n - 1 do sum = sum + row[k] * b[k][j] end
      return sum % 997
    end)
  end
  local a = make(size, function(i, j) return (3 * i + 5 * j) % 101 end)
  local b = make(size, function(i, j) return (7 * i + j) % 103 end)
  local c = a
  for _ = 1, 5 do c = multiply(c, b, size) end
  local sum = 0
  for i = 0, size - 1 do sum = sum + c[i][i] end
  return sum
end
