int add(int a, int b) { return a + 2 * b; }
int fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
int main(void) { return add(1, fib(5)); }
