// The one source file of targets that consist of a library.
