using Coppice.Kernels.Tests.Support;
using Coppice.Ptx.Execution;
using Xunit;

namespace Coppice.Kernels.Tests.Ptx;

/// <summary>mma.sync and ldmatrix against products by hand: fragments as the PTX manual draws them.</summary>
public sealed class MatrixTests
{
    /// <summary>Every lane loads a fragment [lane][registers] of A, B and C and stores D over it.</summary>
    private static string Product(string instruction, int a, int b) => $$"""
        mul.wide.u32 %rd3, %r1, {{4 * (a + b + 4)}};
        add.u64 %rd3, %rd1, %rd3;
        {{string.Join('\n', Enumerable.Range(0, a + b + 4).Select(i => $"ld.global.b32 %r{10 + i}, [%rd3+{4 * i}];"))}}
        {{instruction}} {%r30, %r31, %r32, %r33}, {{{Names(10, a)}}}, {{{Names(10 + a, b)}}}, {{{Names(10 + a + b, 4)}}};
        {{string.Join('\n', Enumerable.Range(0, 4).Select(i => $"st.global.b32 [%rd3+{4 * i}], %r{30 + i};"))}}
        ret;
        """;

    private static string Names(int first, int count) => string.Join(", ", Enumerable.Range(first, count).Select(i => $"%r{i}"));

    [Theory]
    [InlineData("bf16", 16)]
    [InlineData("f16", 16)]
    [InlineData("bf16", 8)]
    public void Products_of_sixteen_bits(string type, int depth)
    {
        // Small integers: exact in every order of adding.
        var (a, b, c) = (Integers(1, 16 * depth), Integers(2, depth * 8), Integers(3, 16 * 8));
        var registers = depth / 4;
        var data = Fragments(registers, 2, (row, k) => Half(a[row * depth + k], type), (k, column) => Half(b[k * 8 + column], type),
            (row, column) => BitConverter.SingleToInt32Bits(c[row * 8 + column]));
        var d = PtxRun.Values(Product($"mma.sync.aligned.m16n8k{depth}.row.col.f32.{type}.{type}.f32", registers, registers / 2), data);
        CheckProduct(d, registers + registers / 2 + 4, bits => BitConverter.Int32BitsToSingle(bits),
            (row, column) => c[row * 8 + column] + Enumerable.Range(0, depth).Sum(k => a[row * depth + k] * b[k * 8 + column]));
    }

    [Fact]
    public void Products_of_bytes()
    {
        int[] a = [.. Noise.Integers(1, 16 * 32, 256).Select(v => v - 128)], b = [.. Noise.Integers(2, 32 * 8, 256).Select(v => v - 128)];
        var data = Fragments(4, 4, (row, k) => a[row * 32 + k] & 255, (k, column) => b[k * 8 + column] & 255, (row, column) => row * 100
            + column);
        var d = PtxRun.Values(Product("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32", 4, 2), data);
        CheckProduct(d, 10, bits => bits,
            (row, column) => row * 100 + column + Enumerable.Range(0, 32).Sum(k => a[row * 32 + k] * b[k * 8 + column]));
    }

    [Theory]
    [InlineData(MatrixRounding.Exact, false, 1f)]
    [InlineData(MatrixRounding.Truncated, false, 0f)]        // 2^-24 is cut off beside 1, eight times
    public void Sums_are_rounded_once_or_cut_off(MatrixRounding rounding, bool reverse, float seen)
    {
        // C is 1; eight products of 2^-24 add up to half a unit in the last place of 1 only where they are kept.
        var small = MathF.ScaleB(1, -12);
        var data = Fragments(4, 2, (_, k) => k < 8 ? Half(small, "bf16") : 0, (_, _) => Half(small, "bf16"), (_, _) => 0x3f800000);
        var d = PtxRun.Values(Product("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32", 4, 2), data,
            options: new MachineOptions { Rounding = rounding, ReverseOrder = reverse });
        Assert.Equal(1 + seen * 8 * small * small, BitConverter.Int32BitsToSingle(d[0]));
    }

    [Theory]
    [InlineData("", 4)]
    [InlineData(".trans", 4)]
    [InlineData("", 2)]
    public void Matrices_are_loaded_row_by_row(string transposed, int count)
    {
        // Element j of row r of matrix i is 100 i + 8 r + j.
        var data = new int[32 * 4];
        for (var lane = 0; lane < 32; lane++)
            for (var word = 0; word < 4; word++)
                data[lane * 4 + word] = Element(lane, 2 * word) | Element(lane, 2 * word + 1) << 16;
        var names = Names(20, count);
        var d = PtxRun.Values($$"""
            mov.b64 %rd4, shared;
            mul.wide.u32 %rd3, %r1, 16;
            add.u64 %rd5, %rd4, %rd3;
            add.u64 %rd3, %rd1, %rd3;
            ld.global.v4.b32 {%r10, %r11, %r12, %r13}, [%rd3];
            st.shared.v4.b32 [%rd5], {%r10, %r11, %r12, %r13};
            bar.warp.sync 0xffffffff;
            ldmatrix.sync.aligned.m8n8.x{{count}}{{transposed}}.shared.b16 { {{names}} }, [%rd5];
            {{string.Join('\n', Enumerable.Range(0, count).Select(i => $"st.global.b32 [%rd3+{4 * i}], %r{20 + i};"))}}
            ret;
            """, data, declarations: ".shared .align 16 .b8 shared[512];");
        for (var lane = 0; lane < 32; lane++)
            for (var matrix = 0; matrix < count; matrix++)
            {
                var (row, column) = (lane / 4, lane % 4 * 2);
                var expected = transposed.Length == 0
                    ? (100 * matrix + 8 * row + column) | (100 * matrix + 8 * row + column + 1) << 16
                    : (100 * matrix + 8 * column + row) | (100 * matrix + 8 * (column + 1) + row) << 16;
                Assert.Equal(expected, d[lane * 4 + matrix]);
            }

        static int Element(int lane, int j) => 100 * (lane / 8) + 8 * (lane % 8) + j;
    }

    private static float[] Integers(int seed, int count) => Array.ConvertAll(Noise.Integers(seed, count, 9), v => v - 4f);

    private static int Half(float value, string type) => type == "f16"
        ? BitConverter.HalfToUInt16Bits((Half)value) : BitConverter.SingleToInt32Bits(value) >>> 16;

    /// <summary>
    /// Fragments by the drawings: A's register i holds row lane / 4 (+ 8 for odd i); elements of a register are neighbours along k, which
    /// begins at lane mod 4 times their number, and goes on by 4 times that every two registers (every one for B).
    /// </summary>
    private static int[] Fragments(int registers, int perRegister, Func<int, int, int> a, Func<int, int, int> b, Func<int, int, int> c)
    {
        var bits = 32 / perRegister;
        var data = new List<int>();
        for (var lane = 0; lane < 32; lane++)
        {
            var (g, t) = (lane >> 2, lane & 3);
            for (var i = 0; i < registers; i++)
                data.Add(Enumerable.Range(0, perRegister).Aggregate(0, (word, j) =>
                    word | a(g + (i & 1) * 8, t * perRegister + j + (i >> 1) * 4 * perRegister) << (j * bits)));
            for (var i = 0; i < registers / 2; i++)
                data.Add(Enumerable.Range(0, perRegister).Aggregate(0, (word, j) =>
                    word | b(t * perRegister + j + i * 4 * perRegister, g) << (j * bits)));
            for (var i = 0; i < 4; i++) data.Add(c(g + (i >> 1) * 8, 2 * t + (i & 1)));
        }
        return [.. data];
    }

    private static void CheckProduct(int[] d, int stride, Func<int, double> value, Func<int, int, double> expected)
    {
        for (var lane = 0; lane < 32; lane++)
            for (var i = 0; i < 4; i++)
                Assert.Equal(expected(lane / 4 + i / 2 * 8, lane % 4 * 2 + i % 2), value(d[lane * stride + i]));
    }
}
