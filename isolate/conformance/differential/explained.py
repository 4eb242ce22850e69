"""Differences from the other systems that are meant, each with its reason."""

import re

import values


def _has_complex(text):
  return re.search(r'[\d0][+-][\d./e]*i', text) or re.search(r'[ (][+-][\d./]*i[ )]', text)


def reason(kind, text, answer, islet):
  """Why Islet answers `islet` where others answer `answer`; None if there is no known reason."""
  return {'numbers': _numbers, 'texts': _texts, 'macros': _macros}[kind](text, answer, islet)


def _texts(text, answer, islet):
  operator = text[1:].split()[0]
  if re.search(r'x(1c90|10d0|ab70|13a0)\b', text):
    return 'the case of Georgian and Cherokee letters is that of Unicode 8 and 11, which the others are older than'
  if operator in ('char-alphabetic?', 'char-upper-case?', 'char-lower-case?'):
    return "R7RS 6.6: Unicode's properties Alphabetic, Uppercase, Lowercase, which go beyond letters (UAX 44, Other_...)"
  if operator.startswith('string-ci') and re.search(r'x(df|130|390|fb01|fb03|1e9e|1f80|1f88|1fbc|345);', text):
    return 'R7RS 6.7: string-ci procedures compare as if string-foldcase had been applied, which makes two characters of one'
  return None


def _macros(text, answer, islet):
  del text, answer, islet  # none is known
  return None


def _numbers(text, answer, islet):
  operator = text[1:].split()[0]
  if operator in ('finite?', 'infinite?', 'nan?') and answer.kind == 'error' and _has_complex(text):
    return 'R7RS 6.2.6: finite?, infinite? and nan? take complex numbers'
  if operator == 'expt' and ' 1/2)' in text and islet.kind == 'value' and not values.inexact(islet.value):
    return 'R7RS 6.2.6: an exact power of exact numbers may be exact, as (sqrt -1) is'
  if operator in ('*', '/') and answer.kind == 'value' and answer.value == values.Number(0, None):
    return 'R7RS 6.2.2: an exact 0 times an inexact number may be either 0; here it is inexact'
  if operator in ('quotient', 'remainder', 'modulo') and values.inexact(answer.value) and values.inexact(islet.value):
    return 'of an exact and an inexact integer, the exact result is made inexact, not the operand'
  if operator == 'round' and islet.text == '-0.0':
    return 'IEEE 754: rounding keeps the sign of zero'
  if operator == 'string->number':
    if '#' in re.sub(r'^\(string->number "(#[eixbod])*', '', text.lower()) and islet.text == '#f':
      return 'R5RS had # in place of digits, R7RS 7.1.1 does not'
    if re.search(r'#i.*/0', text) and islet.text == '#f':
      return 'a ratio with the denominator 0 is no number, whatever the prefix'
    if re.search(r'#[xob].*\.', text) and islet.kind == 'value':
      return 'what number->string makes of flonums in other radixes is read again; R7RS 7.1.1 has points in decimals only'
  return None
