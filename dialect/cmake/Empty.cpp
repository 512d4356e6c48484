// The one source file of programs that consist of a library.
int main() { return 0; }
