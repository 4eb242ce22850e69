-- mandelbrot.lisp in Lua.
function run(size)
  local limit = 100
  local function inside(cr, ci)
    local zr, zi = 0.0, 0.0
    for _ = 1, limit do
      local zr2, zi2 = zr * zr, zi * zi
      if zr2 + zi2 > 4.0 then return false end
      zr, zi = zr2 - zi2 + cr, 2.0 * zr * zi + ci
    end
    return true
  end
  local step = 3.0 / size
  local count = 0
  for y = 0, size - 1 do
    local ci = y * step - 1.5
    for x = 0, size - 1 do
      if inside(x * step - 2.0, ci) then count = count + 1 end
    end
  end
  return count
end
