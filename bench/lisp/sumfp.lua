-- sumfp.lisp in Lua.
function run(size)
  local function sum_to(n)
    local x, sum = n, 0.0
    while not (x < 0.5) do
      x, sum = x - 1.0, sum + x
    end
    return sum
  end
  local sum
  for _ = 1, size do sum = sum_to(1e6) end
  return string.format("%.0f", sum)
end
