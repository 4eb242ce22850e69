"""What the systems print, read into Python: numbers, booleans, strings and lists of these."""

import collections
import fractions
import math
import re
import sys

if hasattr(sys, 'set_int_max_str_digits'):
  sys.set_int_max_str_digits(0)

# kind: 'value', 'error', 'unbound' or 'none'. text: as the system printed it.
Answer = collections.namedtuple('Answer', 'kind value text')
# Parts are Fractions or floats; `imaginary` is None for a real number.
Number = collections.namedtuple('Number', 'real imaginary')

_UREAL = r'(?:inf\.0|nan\.0|\d+/\d+|\d+\.?\d*(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?)'
_REAL = re.compile(rf'[+-]?{_UREAL}$')
_COMPLEX = re.compile(rf'([+-]?{_UREAL})?([+-]{_UREAL}?)i$')


def _real(text):
  if 'nan' in text:
    return math.nan
  if 'inf' in text:
    return -math.inf if text[0] == '-' else math.inf
  if '.' in text or 'e' in text:
    return float(text)
  return fractions.Fraction(text)


def read_number(text):
  """A Number, or None."""
  text = re.sub(r'\|\d+', '', text.lower())  # Chez: the precision of subnormal numbers
  if _REAL.match(text):
    return Number(_real(text), None)
  match = _COMPLEX.match(text)
  if not match:
    return None
  real, imaginary = match.groups()
  if imaginary in ('+', '-'):
    imaginary += '1'
  parts = _real(real) if real else fractions.Fraction(0), _real(imaginary)
  if any(isinstance(p, float) for p in parts):
    parts = tuple(float(p) for p in parts)
  return Number(*parts)


def read_value(text):
  """A Number, bool, str, or list of these; None if it is something else."""
  text = text.strip()
  if text in ('#t', '#f', '#true', '#false'):
    return text[1] == 't'
  if text.startswith('"') and text.endswith('"'):
    return text[1:-1].lower()
  if text.startswith('(') and text.endswith(')'):
    items = [read_value(item) for item in text[1:-1].split()]
    return None if any(item is None for item in items) else items
  return read_number(text)


def read_answer(text):
  if text.startswith('?'):
    return Answer('unbound', None, text)
  if text.startswith('!'):
    return Answer('error', None, text)
  value = read_value(text[2:])
  return Answer('value' if value is not None else 'other', value, text[2:])


def shown_answer(text):
  """Of a driver that writes values with show.scm: they are alike if their texts are."""
  if text[0] != '=':
    return read_answer(text)
  return Answer('value', text[2:], text[2:])


def _same_part(a, b):
  if isinstance(a, float) != isinstance(b, float):
    return False
  if isinstance(a, float):
    return (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1, a) == math.copysign(1, b))
  return a == b


def _near_numbers(a, b):
  parts = [float(p) for n in (a, b) for p in (n.real, n.imaginary or 0.0)]
  if not all(math.isfinite(p) for p in parts):
    return _same_part(*parts[::2]) and _same_part(*parts[1::2])
  x, y = complex(*parts[:2]), complex(*parts[2:])
  return abs(x - y) <= 1e-12 * max(abs(x), abs(y)) + 5e-324


def _same_values(a, b, near):
  if isinstance(a, list) and isinstance(b, list):
    return len(a) == len(b) and all(_same_values(x, y, near) for x, y in zip(a, b))
  if isinstance(a, Number) and isinstance(b, Number):
    if (a.imaginary is None) != (b.imaginary is None) or inexact(a) != inexact(b):
      return False
    if near and inexact(a):
      return _near_numbers(a, b)
    return _same_part(a.real, b.real) and (a.imaginary is None or _same_part(a.imaginary, b.imaginary))
  return type(a) is type(b) and a == b


def same(a, b, near):
  if a.kind != b.kind or a.kind not in ('value', 'error'):
    return False
  return a.kind == 'error' or _same_values(a.value, b.value, near)


def inexact(value):
  if isinstance(value, list):
    return any(inexact(item) for item in value)
  return isinstance(value, Number) and isinstance(value.real, float)


# ---- As Islet writes them.


def _real_text(x):
  if not isinstance(x, float):
    return str(x)
  if math.isnan(x):
    return '+nan.0'
  if math.isinf(x):
    return '+inf.0' if x > 0 else '-inf.0'
  if x == 0:
    return '-0.0' if math.copysign(1, x) < 0 else '0.0'
  sign = '-' if x < 0 else ''
  mantissa, _, exponent = f'{abs(x)!r}'.partition('e')
  whole, _, fraction = mantissa.partition('.')
  digits = (whole + ('' if fraction == '0' else fraction)).lstrip('0')
  point = len(whole) + int(exponent or 0) if whole != '0' else len(digits) - len(fraction) + int(exponent or 0)
  digits = digits.rstrip('0')
  exponent = point - 1
  if -7 < exponent <= 20:
    if point <= 0:
      return f'{sign}0.{"0" * -point}{digits}'
    if point >= len(digits):
      return f'{sign}{digits}{"0" * (point - len(digits))}.0'
    return f'{sign}{digits[:point]}.{digits[point:]}'
  return f'{sign}{digits[0]}{"." + digits[1:] if digits[1:] else ""}e{exponent}'


def _value_text(value):
  if isinstance(value, bool):
    return '#t' if value else '#f'
  if isinstance(value, str):
    return f'"{value}"'
  if isinstance(value, list):
    return '(' + ' '.join(_value_text(item) for item in value) + ')'
  if value.imaginary is None:
    return _real_text(value.real)
  real = '' if value.real == 0 and not isinstance(value.real, float) else _real_text(value.real)
  imaginary = _real_text(value.imaginary)
  if imaginary in ('1', '-1'):
    imaginary = imaginary[:-1]
  return real + ('' if imaginary[:1] in ('+', '-') else '+') + imaginary + 'i'


def islet_text(answer):
  return 'error' if answer.kind == 'error' else _value_text(answer.value)


def quoted(text):
  return '"' + text.replace('\\', '\\\\').replace('"', '\\"') + '"'
