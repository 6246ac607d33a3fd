// Computations whose results are the same on every machine, so that what a compiler for a POWER10 makes of them can be
// compared with the host: vectors, outer products, quadword integers, binary128, decimals, strings. One line each.
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __MMA__
#include <altivec.h>
#endif

enum { COUNT = 4096, SIDE = 32 };
typedef unsigned __int128 quad;

static unsigned long state = 42;
static unsigned char bytes[COUNT + 64];
static short halves[COUNT];
static unsigned words[COUNT];
static unsigned long doublewords[COUNT];
static float singles[COUNT];
static double doubles[COUNT];
static quad quads[COUNT / 2];

static unsigned long next(void)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545f4914f6cdd1dul;
}

static unsigned long mixed(const void *data, unsigned long size)
{
    unsigned long hash = 0xcbf29ce484222325;

    for (unsigned long i = 0; i < size; i++)
        hash = (hash ^ ((const unsigned char *)data)[i]) * 0x100000001b3;
    return hash;
}

static void say(const char *name, unsigned long value)
{
    printf("portable: %s %016lx\n", name, value);
}

static void integers(void)
{
    static unsigned out[COUNT];
    static short saturated[COUNT];
    unsigned long sum = 0, least = -1ul, most = 0, bits = 0, swapped = 0, found = 0;

    for (int i = 0; i < COUNT; i++) {
        int both = halves[i] + halves[COUNT - 1 - i];

        out[i] = words[i] / (words[COUNT - 1 - i] | 1) + words[i] % (bytes[i] + 1u);
        saturated[i] = both > 32767 ? 32767 : both < -32768 ? -32768 : both;
        sum += abs(bytes[i] - bytes[i + 1]);
        least = doublewords[i] < least ? doublewords[i] : least;
        most = doublewords[i] > most ? doublewords[i] : most;
        bits += __builtin_popcountl(doublewords[i]) + __builtin_ctzl(doublewords[i] | 1ul << 63) * 3;
        swapped += __builtin_bswap64(doublewords[i]) ^ __builtin_bswap32(words[i]) ^ __builtin_bswap16(halves[i]);
        found += (words[i] < words[(i + 1) & (COUNT - 1)]) - (halves[i] == halves[(i + 2) & (COUNT - 1)]);
    }
    say("divided", mixed(out, sizeof(out)));
    say("saturated", mixed(saturated, sizeof(saturated)));
    say("integers", sum + least + most + bits + swapped + found);
}

static void quadwords(void)
{
    quad sum = 0;
    __int128 signed_sum = 0;
    unsigned below = 0;

    for (int i = 1; i < COUNT / 2; i++) {
        quad a = quads[i], b = quads[i - 1] >> (a & 127);

        b |= 1;
        sum += a / b + a % b + a * b + (a >> (b & 63)) + (a << (b & 127));
        signed_sum += (__int128)a / ((__int128)b | 1) - (__int128)a % ((__int128)b | 1);
        below += a < b;
        sum ^= (quad)(double)a + (quad)(__int128)(double)(__int128)a;
    }
    sum ^= signed_sum + below;
    say("quadwords", (unsigned long)(sum >> 64) ^ (unsigned long)sum);
}

// C = A * B of 32 by 32, whose elements are small integers, so that every order of the sums is exact.
static void outer_single(const float a[SIDE][SIDE], const float b[SIDE][SIDE], float c[SIDE][SIDE])
{
#ifdef __MMA__
    for (int i = 0; i < SIDE; i += 4)
        for (int j = 0; j < SIDE; j += 4) {
            __vector_quad product;
            vector float rows[4];

            __builtin_mma_xxsetaccz(&product);
            for (int k = 0; k < SIDE; k++) {
                vector float left = { a[i][k], a[i + 1][k], a[i + 2][k], a[i + 3][k] };
                vector float right = { b[k][j], b[k][j + 1], b[k][j + 2], b[k][j + 3] };
                __builtin_mma_xvf32gerpp(&product, (vector unsigned char)left, (vector unsigned char)right);
            }
            __builtin_mma_disassemble_acc(rows, &product);
            // In little-endian order the first row is that of the last element.
            for (int row = 0; row < 4; row++)
                memcpy(&c[i + row][j], &rows[row], sizeof(rows[row]));
        }
#else
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++)
            for (int k = 0; k < SIDE; k++)
                c[i][j] += a[i][k] * b[k][j];
#endif
}

static void outer_bytes(const signed char a[SIDE][SIDE], const unsigned char b[SIDE][SIDE], int c[SIDE][SIDE])
{
#ifdef __MMA__
    for (int i = 0; i < SIDE; i += 4)
        for (int j = 0; j < SIDE; j += 4) {
            __vector_quad product;
            vector int rows[4];

            __builtin_mma_xxsetaccz(&product);
            for (int k = 0; k < SIDE; k += 4) {
                signed char left[16];
                unsigned char right[16];

                for (int row = 0; row < 4; row++)
                    for (int n = 0; n < 4; n++)
                        left[4 * row + n] = a[i + row][k + n], right[4 * row + n] = b[k + n][j + row];
                __builtin_mma_xvi8ger4pp(&product, *(vector unsigned char *)left, *(vector unsigned char *)right);
            }
            __builtin_mma_disassemble_acc(rows, &product);
            for (int row = 0; row < 4; row++)
                memcpy(&c[i + row][j], &rows[row], sizeof(rows[row]));
        }
#else
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++)
            for (int k = 0; k < SIDE; k++)
                c[i][j] += a[i][k] * b[k][j];
#endif
}

static void matrices(void)
{
    static float a[SIDE][SIDE], b[SIDE][SIDE], c[SIDE][SIDE];
    static signed char d[SIDE][SIDE];
    static unsigned char e[SIDE][SIDE];
    static int f[SIDE][SIDE];

    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            a[i][j] = (int)(next() % 200) - 100, b[i][j] = (int)(next() % 200) - 100;
            d[i][j] = next(), e[i][j] = next();
        }
    outer_single(a, b, c);
    outer_bytes(d, e, f);
    say("singles", mixed(c, sizeof(c)));
    say("bytes", mixed(f, sizeof(f)));
}

static void floats(void)
{
    static double out[COUNT];
    static float single[COUNT];
    static int rounded[COUNT];
    double sum = 0;

    for (int i = 0; i < COUNT; i++) {
        double x = doubles[i], y = doubles[COUNT - 1 - i];

        out[i] = __builtin_sqrt(x * x + y * y) + x / y + (x > y ? x : y) + __builtin_trunc(x) + __builtin_ceil(y);
        single[i] = singles[i] / singles[COUNT - 1 - i] + (float)x + (float)words[i];
        rounded[i] = (int)x + (int)singles[i];
        sum += __builtin_copysign(x, y) + (double)(long)doublewords[i];
    }
    say("doubles", mixed(out, sizeof(out)));
    say("quotients", mixed(single, sizeof(single)));
    say("rounded", mixed(rounded, sizeof(rounded)));
    say("sum", mixed(&sum, sizeof(sum)));
    say("functions", (unsigned long)(1e6 * (exp(1.5) + log(7) + sin(2) + pow(1.1, 12.5))));
}

static void binary128(void)
{
    __float128 sum = 1, product = 1;
    quad bits;

    for (int i = 0; i < COUNT; i++) {
        __float128 x = doubles[i], y = (__float128)(long)doublewords[i] / 3;

        sum = sum + x / y - (double)y * x + (float)x + (long)x;
        product = product * (y / ((__float128)(long)doublewords[i] + 1));
    }
    sum += product;
    memcpy(&bits, &sum, sizeof(bits));
    say("binary128", (unsigned long)(bits >> 64) ^ (unsigned long)bits);
}

static void decimals(void)
{
    _Decimal64 balance = 1000, rate = 1.0425DD, tax = 0;
    _Decimal128 total = 0;

    for (int i = 0; i < COUNT; i++) {
        _Decimal64 price = (_Decimal64)(long)(words[i] % 100000) / 100;
        _Decimal64 cents = (_Decimal64)(long)(price * 6.75DD);

        tax += cents / 100;
        total += (_Decimal128)price * 1.000000000000000000000001DL / 7;
        balance = balance * rate;
        if (balance > 1e9DD)
            balance = balance / 1e6DD;
    }
    say("balance", (long)(balance * 1e6DD));
    say("tax", (long)(tax * 100));
    say("total", (long)(total * 1e9DL));
}

static int order(const void *a, const void *b)
{
    unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

    return (x > y) - (x < y);
}

static void strings(void)
{
    static char text[COUNT], other[COUNT];
    static unsigned sorted[COUNT];
    unsigned long sum = 0;

    for (int i = 0; i < 300; i++) {
        int from = next() % 64, length = next() % 300, at = next() % 64;

        memset(text, 'a' + i % 20, sizeof(text));
        memcpy(text + from, bytes + at, length);
        text[from + length] = 0;
        memmove(other + at, text + from, length + 1);
        sum = sum * 31 + strlen(text + from) + strnlen(other + at, 77);
        sum += strcmp(text + from, other + at) == 0;
        other[at + length / 2] ^= 1;
        sum += (memcmp(text + from, other + at, length + 1) > 0) + 2 * (strcmp(text + from, other + at) < 0);
        char *found = memchr(text, 'c', sizeof(text)), *last = strrchr(text + from, 'b');
        sum += (found ? found - text : 7) + (last ? last - text : 9) + strspn(text + from, "abcd");
    }
    say("strings", sum);
    memcpy(sorted, words, sizeof(sorted));
    qsort(sorted, COUNT, sizeof(sorted[0]), order);
    say("sorted", mixed(sorted, sizeof(sorted)));
    snprintf(text, sizeof(text), "%.17g %a %ld %s", doubles[1], doubles[2], (long)doublewords[3], "é");
    say("printed", mixed(text, strlen(text)));
    double read = strtod(text, 0);
    say("read", mixed(&read, sizeof(read)));
}

int main(void)
{
    for (int i = 0; i < COUNT; i++) {
        bytes[i] = next() >> 13, halves[i] = next() >> 17, words[i] = next() >> 19, doublewords[i] = next();
        doubles[i] = (double)(long)next() / (double)(1l << 40) + 0.5, singles[i] = (float)(int)next() / 65536 + 0.25f;
    }
    for (int i = 0; i < COUNT / 2; i++)
        quads[i] = (quad)next() << 64 | next();
    integers();
    quadwords();
    matrices();
    floats();
    binary128();
    decimals();
    strings();
    return 0;
}
