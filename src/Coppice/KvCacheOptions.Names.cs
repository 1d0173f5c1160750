using Coppice.Kernels;
using Coppice.Settings;

namespace Coppice;

public sealed partial record KvCacheOptions
{
    private const int LowRank = 2;          // of 64 positions (GEAR, version 4)
    private const double Outliers = 0.02;   // of the elements, half at each end

    /// <summary>Named ways to keep keys and values, as the command line has them.</summary>
    private static readonly (string Name, KvCacheOptions Options)[] All =
    [
        ("f32", new() { Type = ElementType.F32 }),
        ("f16", new() { Type = ElementType.F16 }),
        ("bf16", new() { Type = ElementType.BF16 }),
        ("q8", Compressed(KvCodec.Q8)),
        ("q4", Compressed(KvCodec.Q4)),
        ("q8-rotated", Rotated(Compressed(KvCodec.Q8))),
        ("q4-rotated", Rotated(Compressed(KvCodec.Q4))),
        ("k4v2", Rotated(Compressed(new KvCodec { Backbone = KvBackbone.TwoAxis, KeyBits = 4, ValueBits = 2 }))),
        ("kcvt2", Kcvt(2)),
        ("kcvt3", Kcvt(3)),
        ("kcvt4", Kcvt(4)),
        ("kivi2", Kivi(2)),
        ("kivi3", Kivi(3)),
        ("kivi4", Kivi(4)),
        ("gearl2", Gear(2, sparsity: 0)),
        ("gearl3", Gear(3, sparsity: 0)),
        ("gearl4", Gear(4, sparsity: 0)),
        ("gear2", Gear(2)),
        ("gear3", Gear(3)),
        ("gear4", Gear(4)),
        ("gear4-paper", Paper(4, KvBackbone.Kcvt, bufferTokens: 20)),
        ("gear2-paper", Paper(2, KvBackbone.Kivi, bufferTokens: 64)),
        ("kv-16", Best(2, 2)),
        ("kv-19", Best(3, 2)),
        ("kv-22", Best(3, 3)),
        ("kv-26", Best(4, 3)),
        ("kv-28", Best(4, 4)),
        ("kv-35", Best(5, 5)),
        ("kv-47", Best(7, 7)),
        ("kv-53", Best(8, 8)),
    ];

    /// <summary>
    /// The names that <see cref="Named"/> knows: f32, f16, bf16; q8, q4 (blocks of 32 as in llama.cpp), and both with keys and values
    /// turned; k4v2 (turned, with scales along two axes); kcvtB, kiviB, gearlB and gearB for B bits; gear4-paper and gear2-paper, the
    /// paper's own settings; and kv-P, the best for about P percent of the bytes of F16 at a head dimension of 64, recent tokens not
    /// counted.
    /// </summary>
    public static IReadOnlyList<string> Names { get; } = [.. All.Select(named => named.Name)];

    /// <summary>
    /// The options that the command line calls <paramref name="name"/>; "NAME:key=value,key=value" changes some of a compressed kind.
    /// </summary>
    /// <remarks>
    /// Keys: key-bits, value-bits, by-range, group, sparsity, rank, loops, seed, factors (f16, i8), factors-first, shrink,
    /// scales (f16, i8), key-range, value-range (min-max, fitted), sinks, rotate-keys, rotate-values, calibration (a file: see
    /// <see cref="KvCalibration"/>).
    /// </remarks>
    /// <exception cref="ArgumentException">The name or a key is not known, or a value is not what it must be.</exception>
    public static KvCacheOptions Named(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var colon = name.IndexOf(':', StringComparison.Ordinal);
        var kind = colon < 0 ? name : name[..colon];
        foreach (var (known, options) in All)
        {
            if (known != kind) continue;
            if (colon < 0) return options;
            var settings = new NamedSettings("cache", kind, name[(colon + 1)..]);
            var changed = options.Compression is { } compression ? options with { Compression = Read(compression, settings) } : options;
            settings.RequireNoneLeft();
            changed.Validate();
            return changed;
        }
        throw new ArgumentException(
            $"options: a way to keep keys and values must be one of {string.Join(", ", Names)}, got {kind}.", nameof(name));
    }

    private static KvCompression Read(KvCompression usual, NamedSettings settings)
    {
        var codec = usual.Codec;
        return usual with
        {
            Codec = codec with
            {
                KeyBits = settings.Whole("key-bits", codec.KeyBits),
                ValueBits = settings.Whole("value-bits", codec.ValueBits),
                KeyBitsByRange = settings.Flag("by-range", codec.KeyBitsByRange),
                GroupSize = settings.Whole("group", codec.GroupSize),
                Sparsity = settings.Real("sparsity", codec.Sparsity),
                Loops = settings.Whole("loops", codec.Loops),
                Seed = (ulong)settings.Whole("seed", (int)codec.Seed),
                Factors = settings.OneOf("factors", codec.Factors),
                FactorsFirst = settings.Flag("factors-first", codec.FactorsFirst),
                ShrinkFactors = settings.Flag("shrink", codec.ShrinkFactors),
                Scales = settings.OneOf("scales", codec.Scales),
                KeyRange = settings.OneOf("key-range", codec.KeyRange),
                ValueRange = settings.OneOf("value-range", codec.ValueRange),
            },
            Rank = settings.Whole("rank", usual.Rank),
            SinkTokens = settings.Whole("sinks", usual.SinkTokens),
            RotateKeys = settings.Flag("rotate-keys", usual.RotateKeys),
            RotateValues = settings.Flag("rotate-values", usual.RotateValues),
            Calibration = settings.Text("calibration") is { } path ? ReadCalibration(path) : usual.Calibration,
        };
    }

    private static KvCalibration ReadCalibration(string path)
    {
        try
        {
            return KvCalibration.Read(path);
        }
        catch (Exception error) when (error is CheckpointException or IOException or UnauthorizedAccessException)
        {
            throw new ArgumentException($"cache: {error.Message}", error);
        }
    }

    /// <summary>
    /// GEAR over KIVI's grouping, keys and values that are no longer recent: codes by groups of 64, a low-rank correction of each head, and
    /// outliers that are exact. The first four tokens stay exact.
    /// </summary>
    /// <param name="bits">Bits of a code, 2 to 8.</param>
    /// <param name="rank">Columns of the correction; 0 for none.</param>
    /// <param name="sparsity">Share of the elements that are kept as outliers, half at each end; 0 for none. Keys have at least one at each
    /// end of a channel.</param>
    public static KvCacheOptions Gear(int bits, int rank = LowRank, double sparsity = Outliers) =>
        Compressed(new KvCodec { KeyBits = bits, ValueBits = bits, Sparsity = sparsity }, rank);

    private static KvCacheOptions Kcvt(int bits) =>
        Compressed(new KvCodec { Backbone = KvBackbone.Kcvt, KeyBits = bits, ValueBits = bits });

    private static KvCacheOptions Rotated(KvCacheOptions options) =>
        options with { Compression = options.Compression! with { RotateKeys = true, RotateValues = true } };

    private static KvCacheOptions Kivi(int bits) => Compressed(new KvCodec { KeyBits = bits, ValueBits = bits });

    /// <summary>
    /// Bits of a key's channel by its range, and values turned: less error in what attention gives than equal bits have at the same bytes.
    /// </summary>
    private static KvCacheOptions Best(int keyBits, int valueBits)
    {
        var options = Compressed(new KvCodec { KeyBits = keyBits, ValueBits = valueBits, KeyBitsByRange = true });
        return options with { Compression = options.Compression! with { RotateValues = true } };
    }

    /// <summary>
    /// GEAR as its paper sets it: rank 4 for prompts and 2 after them, 2 % outliers, none where 1 % of a vector is less than one element,
    /// no exact first tokens.
    /// </summary>
    private static KvCacheOptions Paper(int bits, KvBackbone backbone, int bufferTokens)
    {
        var codec = new KvCodec
        {
            Backbone = backbone,
            KeyBits = bits,
            ValueBits = bits,
            Sparsity = Outliers,
            KeyOutliers = KvOutlierCount.Floor,
        };
        var options = Compressed(codec, LowRank);
        return options with
        {
            Compression = options.Compression! with { PrefillExact = true, BufferTokens = bufferTokens, SinkTokens = 0 },
        };
    }

    private static KvCacheOptions Compressed(KvCodec codec, int rank = 0) =>
        new() { Type = ElementType.F16, Compression = new KvCompression { Codec = codec, Rank = rank } };
}
