-- nbody.lisp in Lua.
function run(size)
  local sqrt = math.sqrt
  local pi = 4.0 * math.atan(1.0)
  local solar_mass = 4.0 * pi * pi
  local function planet(x, y, z, vx, vy, vz, mass)
    return {x = x, y = y, z = z, vx = vx * 365.24, vy = vy * 365.24, vz = vz * 365.24, mass = mass * solar_mass}
  end
  local sun = {x = 0.0, y = 0.0, z = 0.0, vx = 0.0, vy = 0.0, vz = 0.0, mass = solar_mass}
  local bodies = {
    sun,
    planet(4.84143144246472090e+00, -1.16032004402742839e+00, -1.03622044471123109e-01,
      1.66007664274403694e-03, 7.69901118419740425e-03, -6.90460016972063023e-05, 9.54791938424326609e-04),
    planet(8.34336671824457987e+00, 4.12479856412430479e+00, -4.03523417114321381e-01,
      -2.76742510726411919e-03, 4.99852801234917238e-03, 2.30417297573763929e-05, 2.85885980666130812e-04),
    planet(1.28943695621391310e+01, -1.51111514016986312e+01, -2.23307578892655734e-01,
      2.96460137564761618e-03, 2.37847173959480950e-03, -2.96589568540237556e-05, 4.36624404335156298e-05),
    planet(1.53796971148509165e+01, -2.59193146099879641e+01, 1.79258772950371181e-01,
      2.68067772490389322e-03, 1.62824170038242295e-03, -9.51592254519715870e-05, 5.15138902046611451e-05),
  }
  local count = #bodies
  local function offset_momentum()
    local px, py, pz = 0.0, 0.0, 0.0
    for i = 1, count do
      local b = bodies[i]
      px = px + b.vx * b.mass
      py = py + b.vy * b.mass
      pz = pz + b.vz * b.mass
    end
    sun.vx = -(px / solar_mass)
    sun.vy = -(py / solar_mass)
    sun.vz = -(pz / solar_mass)
  end
  local function energy()
    local e = 0.0
    for i = 1, count do
      local a = bodies[i]
      e = e + 0.5 * a.mass * (a.vx * a.vx + a.vy * a.vy + a.vz * a.vz)
      for j = i + 1, count do
        local b = bodies[j]
        local dx, dy, dz = a.x - b.x, a.y - b.y, a.z - b.z
        e = e - a.mass * b.mass / sqrt(dx * dx + dy * dy + dz * dz)
      end
    end
    return e
  end
  local function advance(dt)
    for i = 1, count do
      local a = bodies[i]
      for j = i + 1, count do
        local b = bodies[j]
        local dx, dy, dz = a.x - b.x, a.y - b.y, a.z - b.z
        local distance2 = dx * dx + dy * dy + dz * dz
        local magnitude = dt / (distance2 * sqrt(distance2))
        local pull_a, pull_b = a.mass * magnitude, b.mass * magnitude
        a.vx = a.vx - dx * pull_b
        a.vy = a.vy - dy * pull_b
        a.vz = a.vz - dz * pull_b
        b.vx = b.vx + dx * pull_a
        b.vy = b.vy + dy * pull_a
        b.vz = b.vz + dz * pull_a
      end
    end
    for i = 1, count do
      local b = bodies[i]
      b.x = b.x + dt * b.vx
      b.y = b.y + dt * b.vy
      b.z = b.z + dt * b.vz
    end
  end
  offset_momentum()
  local before = energy()
  for _ = 1, size do advance(0.01) end
  return string.format("(%.0f %.0f)", before * 1e9, energy() * 1e9)
end
