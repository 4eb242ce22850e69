// The startup script of the benchmark, for V8. Its host defines N, the number
// of records, in a line put before this text.
//
// Record i (0 <= i < N) has the id i, the name "name-<i>" and the numbers
// i, 2i, 3i. `handler(k)` sums the ids of ten records found by name.
// records.lua holds the same definitions.

var records = new Map();

for (var i = 0; i < N; i++) {
  records.set('name-' + i, {id: i, name: 'name-' + i, numbers: [i, 2 * i, 3 * i]});
}

function handler(k) {
  var sum = 0;
  for (var j = 0; j < 10; j++) {
    sum += records.get('name-' + ((k + j) % N)).id;
  }
  return sum;
}
