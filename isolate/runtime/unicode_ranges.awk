# Makes of Unicode's PropList.txt and WordBreakProperty.txt the lines that unicode.cc includes: ISLET_RANGE(property, first,
# last) for each range of the properties that utf8proc lacks, and the files' version.
BEGIN {
  FS = "[ ;#]+"
  wanted["White_Space"] = "WhiteSpace"
  wanted["Other_Alphabetic"] = "OtherAlphabetic"
  wanted["Other_Lowercase"] = "OtherLowercase"
  wanted["Other_Uppercase"] = "OtherUppercase"
  # With general categories, these make Case_Ignorable (Unicode 3.13, D136).
  wanted["MidLetter"] = wanted["MidNumLet"] = wanted["Single_Quote"] = "InWords"
}
FNR == 1 {
  version = $0
  gsub(/.*-|\.txt.*/, "", version)
  print "ISLET_UNICODE_VERSION(\"" version "\")"
}
$2 in wanted {
  split($1, bounds, "[.][.]")
  print "ISLET_RANGE(" wanted[$2] ", 0x" bounds[1] ", 0x" (bounds[2] == "" ? bounds[1] : bounds[2]) ")"
}
