-- fft.lisp in Lua.
function run(size)
  local floor, abs = math.floor, math.abs
  local n = 1
  for _ = 1, size do n = n * 2 end
  local two_pi = 8.0 * math.atan(1.0)
  local re, im = {}, {}
  local function reorder()
    local j = 0
    for i = 0, n - 1 do
      if i < j then
        re[i], re[j] = re[j], re[i]
        im[i], im[j] = im[j], im[i]
      end
      local bit = floor(n / 2)
      while bit >= 1 and j >= bit do
        j = j - bit
        bit = floor(bit / 2)
      end
      j = j + bit
    end
  end
  local function transform(direction)
    reorder()
    local half = 1
    while half < n do
      local step = 2 * half
      local angle = direction * two_pi / step
      local wr, wi = math.cos(angle), math.sin(angle)
      local cr, ci = 1.0, 0.0
      for k = 0, half - 1 do
        for i = k, n - 1, step do
          local j = i + half
          local xr, xi = re[j], im[j]
          local tr, ti = cr * xr - ci * xi, cr * xi + ci * xr
          local ar, ai = re[i], im[i]
          re[j] = ar - tr
          im[j] = ai - ti
          re[i] = ar + tr
          im[i] = ai + ti
        end
        cr, ci = cr * wr - ci * wi, cr * wi + ci * wr
      end
      half = step
    end
  end
  for i = 0, n - 1 do
    re[i] = i * 37 % 101 + 0.0
    im[i] = i * 11 % 89 + 0.0
  end
  transform(1.0)
  local constant_part = floor(re[0] + 0.5)
  transform(-1.0)
  local wrong = 0
  for i = 0, n - 1 do
    if not (abs(re[i] / n - i * 37 % 101) < 1e-6 and abs(im[i] / n - i * 11 % 89) < 1e-6) then
      wrong = wrong + 1
    end
  end
  return string.format("(%d %d)", constant_part, wrong)
end
