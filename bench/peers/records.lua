-- The startup script of the benchmark, for Lua. Its host defines N, the number
-- of records, in a line put before this text.
--
-- Record i (0 <= i < N) has the id i, the name "name-<i>" and the numbers
-- i, 2i, 3i. `handler(k)` sums the ids of ten records found by name.
-- records.js holds the same definitions.

local records = {}

for i = 0, N - 1 do
  local name = "name-" .. i
  records[name] = {id = i, name = name, numbers = {i, 2 * i, 3 * i}}
end

function handler(k)
  local sum = 0
  for j = 0, 9 do
    sum = sum + records["name-" .. ((k + j) % N)].id
  end
  return sum
end
