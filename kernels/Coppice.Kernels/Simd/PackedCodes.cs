using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Coppice.Kernels.Simd;

/// <summary>64 packed codes of each of some runs: where they lie, and what is asked for ahead.</summary>
internal unsafe struct PackedCodes
{
    // The table is found before the loops: a static field that may have to be initialised first costs them all registers.
    private byte* _entry;                                   // of the width, in the table
    private byte* _first, _second, _third;                  // the first run's planes
    private long _step, _secondStep, _thirdStep;            // bytes from a run to the next
    private byte* _widths;
    private int _bits, _left;
    private long _ahead;

    /// <summary>
    /// Runs one after another, each with a width of its own in half a byte; <paramref name="left"/> bits of a code in all.
    /// </summary>
    internal static PackedCodes OfWidths(byte* packed, byte* widths, int left, long ahead) =>
        new() { _entry = CodeSpread.Table, _first = packed, _widths = widths, _left = left, _ahead = ahead };

    /// <summary>Runs of <paramref name="bits"/> bits; their planes are told by <see cref="Add"/>.</summary>
    internal static PackedCodes Alike(int bits) => new() { _entry = CodeSpread.Table + bits * CodeSpread.Entry, _bits = bits };

    /// <summary>Bits of each code, where all have as many.</summary>
    internal readonly int Bits => _bits;

    /// <summary>For codes of 2 or 4 bits what four bits stand for, of which the lower two may be a code.</summary>
    internal readonly Vector512<float> Numbers => Vector512.ConvertToSingle(Vector512<int>.Indices & Vector512.Create((1 << _bits) - 1));

    /// <summary>Whether each run has a width of its own.</summary>
    internal readonly bool HasWidths => _widths != null;

    /// <summary>The next plane, the lowest bits first; <paramref name="shift"/> bits are in those before it.</summary>
    internal void Add(byte* packed, long step, int shift, long ahead)
    {
        // It is read as if it lay after the planes before it.
        packed -= CodeSpread.Codes / 8 * shift;
        if (_first == null)
        {
            _first = packed;
            _step = step;
            _ahead = ahead;
        }
        else if (_second == null)
        {
            _second = packed;
            _secondStep = step;
        }
        else
        {
            _third = packed;
            _thirdStep = step;
        }
    }

    /// <summary>The same runs and lanes from others on.</summary>
    /// <param name="run">The first run.</param>
    /// <param name="lane">The first lane, a multiple of 64.</param>
    internal readonly PackedCodes From(int run, int lane)
    {
        var codes = this;
        codes._first += run * _step + lane * KvChunkLayout.PlaneBits(_bits, 0) / 8;
        codes._second += run * _secondStep + lane * KvChunkLayout.PlaneBits(_bits, 1) / 8;
        codes._third += run * _thirdStep + lane * KvChunkLayout.PlaneBits(_bits, 2) / 8;
        return codes;
    }

    /// <summary>The codes in the lowest bytes of the words.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector512<float> Byte0(Vector512<uint> words) => Single(words & Vector512.Create(0xffu));
    /// <summary>Those in the next bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector512<float> Byte1(Vector512<uint> words) => Single(words >> 8 & Vector512.Create(0xffu));
    /// <inheritdoc cref="Byte1"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector512<float> Byte2(Vector512<uint> words) => Single(words >> 16 & Vector512.Create(0xffu));
    /// <inheritdoc cref="Byte1"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector512<float> Byte3(Vector512<uint> words) => Single(words >> 24);

    private static Vector512<float> Single(Vector512<uint> words) => Vector512.ConvertToSingle(words.AsInt32());

    /// <summary>The number in place of the lowest four bits of each word.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector512<float> Lookup(Vector512<float> numbers, Vector512<uint> words) =>
        Avx512F.PermuteVar16x32(numbers, words.AsInt32());

    /// <summary>Sums of bytes 0 to 3 of 16 words, plus a number each, in the order of the bytes in memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Store(Vector512<float> s0, Vector512<float> s1, Vector512<float> s2, Vector512<float> s3, float start, float* sums)
    {
        var more = Vector512.Create(start);
        (s0, s1, s2, s3) = (s0 + more, s1 + more, s2 + more, s3 + more);
        // Of every 128 bits a square of four by four, then of the four squares' rows another.
        Vector512<float> a = Avx512F.UnpackLow(s0, s1), b = Avx512F.UnpackHigh(s0, s1), c = Avx512F.UnpackLow(s2, s3),
            d = Avx512F.UnpackHigh(s2, s3);
        Vector512<float> t0 = Pairs(a, c, high: false), t1 = Pairs(a, c, high: true), t2 = Pairs(b, d, high: false),
            t3 = Pairs(b, d, high: true);
        Vector512<float> l0 = Avx512F.Shuffle4x128(t0, t1, 0x44), l1 = Avx512F.Shuffle4x128(t0, t1, 0xee),
            h0 = Avx512F.Shuffle4x128(t2, t3, 0x44), h1 = Avx512F.Shuffle4x128(t2, t3, 0xee);
        Avx512F.Shuffle4x128(l0, h0, 0x88).Store(sums);
        Avx512F.Shuffle4x128(l0, h0, 0xdd).Store(sums + 16);
        Avx512F.Shuffle4x128(l1, h1, 0x88).Store(sums + 32);
        Avx512F.Shuffle4x128(l1, h1, 0xdd).Store(sums + 48);
    }

    /// <summary>The first, or the last, two of each four of both.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Pairs(Vector512<float> a, Vector512<float> b, bool high) =>
        high ? Avx512F.UnpackHigh(a.AsDouble(), b.AsDouble()).AsSingle() : Avx512F.UnpackLow(a.AsDouble(), b.AsDouble()).AsSingle();

    /// <summary>Goes through the runs.</summary>
    internal ref struct Reader
    {
        private readonly byte* _entry, _widths;
        private readonly int _planes;
        private readonly long _ahead, _step, _secondStep, _thirdStep;
        private byte* _first, _second, _third;
        private int _run, _left;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal Reader(PackedCodes* codes)
        {
            _entry = codes->_entry;
            _planes = KvChunkLayout.Planes(codes->_bits);
            _first = codes->_first;
            _second = codes->_second;
            _third = codes->_third;
            _widths = codes->_widths;
            (_step, _secondStep, _thirdStep) = (codes->_step, codes->_secondStep, codes->_thirdStep);
            (_left, _ahead) = (codes->_left, codes->_ahead);
        }

        /// <summary>The next run, of a width of its own.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal Vector512<uint> Next()
        {
            var width = CodeSpread.WidthOf(_widths, _run++, _left);
            _left -= width;
            Sse.Prefetch0(_first + _ahead);
            var codes = CodeSpread.Spread(_entry + width * CodeSpread.Entry, Vector512.Load(_first));
            _first += 8 * width;
            return codes.AsUInt32();
        }

        /// <summary>The next run, of 4 bits a code.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal Vector512<uint> NextOfNibbles()
        {
            Sse.Prefetch0(_first + _ahead);
            var words = Avx512F.ConvertToVector512UInt32(Vector256.Load((ushort*)_first));
            _first += _step;
            return words;
        }

        /// <summary>The next run, of 2 bits a code.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal Vector512<uint> NextOfPairs()
        {
            Sse.Prefetch0(_first + _ahead);
            var words = Avx512F.ConvertToVector512UInt32(Vector128.Load(_first));
            _first += _step;
            return words;
        }

        /// <summary>The next run, of the same width as all.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal Vector512<uint> NextAlike()
        {
            Sse.Prefetch0(_first + _ahead);
            var packed = Vector512.Load(_first);
            _first += _step;
            if (_planes == 1) return CodeSpread.SpreadPlane(_entry, packed).AsUInt32();
            packed = Vector512.ConditionalSelect(Vector512.Load(CodeSpread.BytesOf(_entry, 1)), Vector512.Load(_second), packed);
            _second += _secondStep;
            if (_planes == 2) return CodeSpread.Spread(_entry, packed).AsUInt32();
            packed = Vector512.ConditionalSelect(Vector512.Load(CodeSpread.BytesOf(_entry, 2)), Vector512.Load(_third), packed);
            _third += _thirdStep;
            return CodeSpread.Spread(_entry, packed).AsUInt32();
        }
    }
}
