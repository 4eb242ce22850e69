"""Generates expressions about numbers: every operation of R7RS 6.2 that the systems share, on operands of every kind.

The same seed gives the same expressions, whatever the version of Python: only random() is used, whose values are
guaranteed to stay.
"""

import collections
import random
import struct

PRELUDE = []
LACKS = {}

# `near`: results may differ in rounding.
Expression = collections.namedtuple('Expression', 'text near')

EDGES = [n + d for bits in (29, 30, 31, 32, 53, 60, 61, 62, 63, 64, 128) for n in (1 << bits, -(1 << bits))
         for d in (-1, 0, 1)]
FLONUMS = ['0.0', '-0.0', '1.0', '-1.0', '0.5', '1.5', '2.5', '-2.5', '3.5', '0.1', '1e21', '1e22', '1e23', '123456789.125',
           '1e-7', '1.7976931348623157e308', '2.2250738585072014e-308', '5e-324', '9007199254740992.0',
           '9007199254740993.0', '4503599627370496.5', '1e300', '1e-300', '-1e17', '3.0', '-7.0', '100.0', '1e15']
SPECIAL = ['+inf.0', '-inf.0', '+nan.0']


class Generator:

  def __init__(self, seed):
    self.next = random.Random(seed).random

  # ---- Choices.

  def below(self, n):
    return int(self.next() * n)

  def chance(self, p):
    return self.next() < p

  def pick(self, items):
    return items[self.below(len(items))]

  # ---- Operands, as text.

  def natural(self):
    kind = self.below(6)
    if kind < 2:
      return self.below(25)
    if kind == 2:
      return self.below(1 << self.pick((10, 20, 30, 31)))
    if kind == 3:
      return abs(self.pick(EDGES))
    bits = self.pick((40, 64, 100, 200, 400))
    n = 0
    for _ in range(bits // 20):
      n = n << 20 | self.below(1 << 20)
    return n

  def integer(self):
    n = self.natural()
    return str(-n if self.chance(0.4) else n)

  def ratio(self):
    n = self.below(50) if self.chance(0.6) else self.natural()
    d = 1 + (self.below(12) if self.chance(0.6) else self.natural())
    return f'{"-" if self.chance(0.4) else ""}{n}/{d}'

  def exact(self):
    return self.integer() if self.chance(0.6) else self.ratio()

  def flonum(self):
    kind = self.below(5)
    if kind == 0:
      return self.pick(FLONUMS)
    if kind == 1:
      return f'{self.below(2001) - 1000}.{self.below(1000):03}'
    if kind == 2:
      bits = 0
      for _ in range(4):
        bits = bits << 16 | self.below(1 << 16)
      d = struct.unpack('<d', struct.pack('<Q', bits))[0]
      return repr(d) if abs(d) < float('inf') else self.pick(FLONUMS)  # NaN is not less
    if kind == 3:
      return f'{self.below(200) - 100}.0'
    return f'{"-" if self.chance(0.5) else ""}{self.below(10**6)}e{self.below(40) - 20}'

  def moderate(self):
    """A flonum for which functions are well conditioned."""
    return f'{self.below(200) / 10 - 10}' if self.chance(0.7) else f'{self.below(2000) / 1000 - 1}'

  def real(self):
    p = self.next()
    if p < 0.55:
      return self.exact()
    return self.flonum() if p < 0.95 else self.pick(SPECIAL)

  def small(self):
    """An exact number, not large."""
    n = f'{self.below(41) - 20}'
    return n if self.chance(0.6) else f'{n}/{1 + self.below(9)}'

  def exact_complex(self):
    imaginary = self.small()
    return f'{self.small()}{"" if imaginary[0] == "-" else "+"}{imaginary}i'

  def inexact_complex(self):
    imaginary = self.moderate()
    return f'{self.moderate()}{"" if imaginary[0] == "-" else "+"}{imaginary}i'

  def complex(self):
    return self.exact_complex() if self.chance(0.6) else self.inexact_complex()

  def number(self):
    return self.real() if self.chance(0.6) else self.complex()

  # ---- Expressions.

  def arithmetic(self):
    operator = self.pick('+-*/')
    count = self.pick((1, 2, 2, 2, 2, 3))
    return f'({operator} {" ".join(self.real() for _ in range(count))})', False

  def complex_arithmetic(self):
    operator = self.pick('+-*/')
    operands = [self.complex(), self.complex() if self.chance(0.7) else self.small()]
    if self.chance(0.3):
      operands.reverse()
    return f'({operator} {" ".join(operands)})', True

  def comparison(self):
    a = self.real()
    b = self.real()
    if self.chance(0.2):
      b = a
    operator = self.pick(('=', '<', '>', '<=', '>=', 'eqv?', 'equal?'))
    if operator in ('=', 'eqv?', 'equal?') and self.chance(0.5):
      a = self.number()
      b = a if self.chance(0.5) else self.number()
    if self.chance(0.15) and operator not in ('eqv?', 'equal?'):
      return f'({operator} {a} {b} {self.real()})', False
    return f'({operator} {a} {b})', False

  def near_comparison(self):
    """An exact number beside the double next to it."""
    n = self.natural() | 1 << 60
    operator = self.pick(('=', '<', '>', '<=', '>='))
    return self.pick((f'({operator} {n} (exact->inexact {n}))', f'({operator} (exact->inexact 1/{n}) 1/{n})')), False

  def extreme(self):
    return f'({self.pick(("max", "min"))} {self.real()} {self.real()})', False

  def division(self):
    operator = self.pick(('quotient', 'remainder', 'modulo', 'gcd', 'lcm', 'floor-quotient', 'floor-remainder',
                          'truncate-quotient', 'truncate-remainder'))
    operands = [self.integer() if self.chance(0.85) else f'{self.below(2000) - 1000}.0' for _ in range(2)]
    if self.chance(0.03):
      operands[0] = self.flonum()
    return f'({operator} {" ".join(operands)})', False

  def two_values(self):
    operator = self.pick(('floor/', 'truncate/', 'exact-integer-sqrt'))
    operands = self.integer() if operator == 'exact-integer-sqrt' else f'{self.integer()} {self.integer()}'
    return f'(call-with-values (lambda () ({operator} {operands})) list)', False

  def unary(self):
    operator = self.pick(('floor', 'ceiling', 'round', 'truncate', 'abs', 'numerator', 'denominator', 'inexact->exact',
                          'exact->inexact', 'magnitude', 'square', '-', '/', 'exact', 'inexact'))
    operand = self.real()
    if operator in ('numerator', 'denominator') and self.chance(0.5):
      operand = self.ratio()
    return f'({operator} {operand})', False

  def big_quotient(self):
    """Correct rounding of large rationals."""
    n, d = self.natural() + 1, self.natural() + 1
    scale = self.pick((0, 0, 0, 300, -300, 320, -320))
    if scale > 0:
      n *= 10**scale
    if scale < 0:
      d *= 10**-scale
    return f'(exact->inexact {n}/{d})', False

  def predicate(self):
    operator = self.pick(('integer?', 'rational?', 'real?', 'complex?', 'number?', 'exact?', 'inexact?', 'zero?',
                          'positive?', 'negative?', 'odd?', 'even?', 'nan?', 'finite?', 'infinite?'))
    operand = self.integer() if operator in ('odd?', 'even?') and self.chance(0.7) else self.number()
    return f'({operator} {operand})', False

  def print_number(self):
    if self.chance(0.6):
      return f'(number->string {self.exact()} {self.pick((2, 3, 7, 8, 10, 12, 16, 32, 36))})', False
    return f'(string->number (number->string {self.number()}))', False

  def digits(self, radix, count):
    return ''.join('0123456789abcdef'[self.below(radix)] for _ in range(1 + self.below(count)))

  def real_text(self, radix):
    sign = self.pick(('', '', '+', '-'))
    kind = self.below(6)
    if kind < 2:
      return sign + self.digits(radix, 25)
    if kind == 2:
      return f'{sign}{self.digits(radix, 8)}/{self.digits(radix, 8)}'
    if kind == 3 and self.chance(0.4):
      return (sign or '+') + self.pick(('inf.0', 'nan.0'))
    if radix != 10:
      return sign + self.digits(radix, 5)
    text = self.pick((f'{self.digits(10, 20)}.{self.digits(10, 20)}', f'.{self.digits(10, 20)}', f'{self.digits(10, 5)}.',
                      self.digits(10, 5)))
    if self.chance(0.6):
      text += f'{self.pick("eeeE")}{self.pick(("", "+", "-"))}{self.below(330) if self.chance(0.5) else self.below(25)}'
    return sign + text

  def read_number(self):
    radix = self.pick((10, 10, 10, 10, 2, 8, 16))
    text = self.real_text(radix)
    p = self.next()
    if p < 0.2:
      imaginary = self.real_text(radix)
      text = f'{text if self.chance(0.7) else ""}{"" if imaginary[0] in "+-" else self.pick("+-")}{imaginary}i'
    elif p < 0.25:
      text += self.pick(('+i', '-i', '@0'))
    prefix = {10: self.pick(('', '', '#d')), 2: '#b', 8: '#o', 16: '#x'}[radix]
    if self.chance(0.2):
      exactness = self.pick(('#e', '#i'))
      prefix = exactness + prefix if self.chance(0.5) else prefix + exactness
    text = prefix + text
    if self.chance(0.2):  # and what is no number
      where = self.below(len(text) + 1)
      text = text[:where] + self.pick('+-.e/i@#x9 ') + text[where + self.below(2):]
    return f'(string->number "{text}")', False

  def power(self):
    kind = self.below(7)
    if kind == 0:
      return f'(expt {self.small()} {self.below(61) - 30})', False
    if kind == 1:
      return f'(expt {self.integer()} {self.below(12)})', False
    if kind == 2:
      return f'(expt {self.exact_complex()} {self.below(13) - 6})', False
    if kind == 3:
      return f'(expt {self.moderate()} {self.below(21) - 10})', True
    if kind == 4:
      return f'(expt {self.small()} {self.moderate()})', True
    if kind == 5:
      return f'(expt {self.complex()} {self.complex() if self.chance(0.5) else self.moderate()})', True
    return f'(expt {self.pick(("0", "0.0", "1", "1.0", "-1", "-0.0", "+inf.0"))} {self.pick(("0", "0.0", "1", "2", "-1", "3.0", "1/2", "2.5"))})', False

  def root(self):
    kind = self.below(5)
    if kind == 0:
      n = self.natural()
      return f'(sqrt {n * n})', False
    if kind == 1:
      n, d = self.natural(), self.below(50) + 1
      return f'(sqrt {"-" if self.chance(0.3) else ""}{n * n}/{d * d})', False
    if kind == 2:
      return f'(sqrt {self.exact()})', True
    if kind == 3:
      return f'(sqrt {self.flonum()})', True
    return f'(sqrt {self.complex()})', True

  def function(self):
    operator = self.pick(('exp', 'log', 'sin', 'cos', 'tan', 'asin', 'acos', 'atan'))
    operand = self.moderate() if self.chance(0.5) else self.small()
    if self.chance(0.4):
      operand = self.complex()
    if self.chance(0.15):
      operand = self.pick(('0', '1', '-1', '2', '-2', '+i', '-i', '+2i', '-2i', '0.0', '-0.0', '1.0', '-1.0', '1e300', '-1e300',
                           '1e-300', '+inf.0', '-inf.0', '+nan.0', '1.0+0.0i', '-1.0+0.0i', '-1.0-0.0i', '2.0+0.0i', '2.0-0.0i',
                           '-2.0+0.0i', '-2.0-0.0i', '0.0+0.0i', '-0.0-0.0i', '0.0+2.0i', '-0.0+2.0i', '0.0-2.0i', '-0.0-2.0i'))
    return f'({operator} {operand})', True

  def function_of_two(self):
    kind = self.below(3)
    if kind == 0:
      return f'(atan {self.small()} {self.small()})', True
    if kind == 1:
      return f'(atan {self.real()} {self.real()})', True
    return f'(log {self.natural() + 1} {self.below(20) + 2})', True

  def parts(self):
    operator = self.pick(('real-part', 'imag-part', 'magnitude', 'angle', 'exact->inexact', 'inexact->exact', '-', '/'))
    if self.chance(0.2):
      return f'({self.pick(("make-rectangular", "make-polar"))} {self.real()} {self.small()})', True
    return f'({operator} {self.complex()})', True

  def bits(self):
    operator = self.pick(('bitwise-and', 'bitwise-ior', 'bitwise-xor', 'bitwise-not', 'arithmetic-shift', 'bit-count',
                          'integer-length', 'bit-set?', 'bit-field'))
    n = self.integer()
    if operator in ('bitwise-not', 'bit-count', 'integer-length'):
      return f'({operator} {n})', False
    if operator == 'arithmetic-shift':
      return f'(arithmetic-shift {n} {self.below(300) - 150})', False
    if operator == 'bit-set?':
      return f'(bit-set? {self.below(200)} {n})', False
    if operator == 'bit-field':
      start = self.below(100)
      return f'(bit-field {n} {start} {start + self.below(150)})', False
    return f'({operator} {n} {self.integer()})', False

  def rationalize(self):
    return f'(rationalize {self.exact()} {self.small()})', False

  def wrong(self):
    return self.pick((f'(< {self.complex()} {self.small()})', f'(max 1 {self.complex()})', f'(floor {self.complex()})',
                      f'(/ {self.exact()} 0)', f'(quotient {self.integer()} 0)', f'(modulo {self.flonum()} 1)',
                      '(exact +inf.0)', '(exact +nan.0)', f'(abs {self.complex()})', f'(even? {self.ratio()})',
                      f'(exact-integer-sqrt -{self.natural() + 1})', f"(+ 'a {self.small()})",
                      f'(bitwise-and {self.ratio()} 1)', f'(expt 0 -{1 + self.below(9)})')), False

  def expression(self):
    kinds = ((8, self.arithmetic), (4, self.complex_arithmetic), (5, self.comparison), (1, self.near_comparison),
             (1, self.extreme), (5, self.division), (3, self.two_values), (6, self.unary), (2, self.big_quotient),
             (4, self.predicate), (5, self.print_number), (10, self.read_number), (6, self.power), (4, self.root),
             (5, self.function), (2, self.function_of_two), (3, self.parts), (5, self.bits), (1, self.rationalize),
             (1, self.wrong))
    n = self.below(sum(weight for weight, _ in kinds))
    for weight, kind in kinds:
      if n < weight:
        return Expression(*kind())
      n -= weight


def generate(seed, count):
  generator = Generator(seed)
  return [generator.expression() for _ in range(count)]
