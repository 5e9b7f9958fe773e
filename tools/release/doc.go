// Command release makes everything of a version that people download: archives, deb and
// rpm packages, images, bills of materials, checksums, a statement of provenance, and the
// release notes.
//
// It is a module of its own, so that who imports ours gets none of its libraries. It
// needs the go command and a checked-out tree, no daemon and no network beyond Go
// modules. The same commit, version and compiler give the same bytes, on whatever machine.
package main
