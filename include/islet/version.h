/* Islet's version: its one home, for C and C++. The build reads these three numbers; packages, the shared
 * library's soname, `islet --version` and the like are made from them.
 *
 * Versions are semantic (semver.org); CHANGELOG.md says what that covers. */

#ifndef ISLET_VERSION_H_
#define ISLET_VERSION_H_

#define ISLET_VERSION_MAJOR 1
#define ISLET_VERSION_MINOR 0
#define ISLET_VERSION_PATCH 0

/* The three in one number, to be compared: 1.2.3 is 10203. */
#define ISLET_VERSION (ISLET_VERSION_MAJOR * 10000 + ISLET_VERSION_MINOR * 100 + ISLET_VERSION_PATCH)

#define ISLET_VERSION_QUOTED_(x) #x
#define ISLET_VERSION_TEXT_(major, minor, patch) \
  ISLET_VERSION_QUOTED_(major) "." ISLET_VERSION_QUOTED_(minor) "." ISLET_VERSION_QUOTED_(patch)

/* "1.2.3". */
#define ISLET_VERSION_TEXT ISLET_VERSION_TEXT_(ISLET_VERSION_MAJOR, ISLET_VERSION_MINOR, ISLET_VERSION_PATCH)

#endif /* ISLET_VERSION_H_ */
