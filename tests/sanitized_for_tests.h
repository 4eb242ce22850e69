// Whether a sanitizer watches the test: then memory that was freed stays, and address space and mappings are its own.

#ifndef ISLET_TESTS_SANITIZED_FOR_TESTS_H_
#define ISLET_TESTS_SANITIZED_FOR_TESTS_H_

namespace islet {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace islet

#endif  // ISLET_TESTS_SANITIZED_FOR_TESTS_H_
