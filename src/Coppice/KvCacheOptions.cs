using Coppice.Kernels;

namespace Coppice;

/// <summary>How the keys and values of a session are kept.</summary>
public sealed partial record KvCacheOptions
{
    /// <summary>
    /// Storage of one element; F32 by default. F16 and BF16 halve the memory and round to nearest even. Where
    /// <see cref="Compression"/> is set, this is how recent keys and values are stored.
    /// </summary>
    public ElementType Type { get; init; } = ElementType.F32;

    /// <summary>How keys and values are compressed once they are no longer recent; null, the default, where they are not.</summary>
    public KvCompression? Compression { get; init; }

    /// <summary>
    /// Tokens in pages that all sessions of the model share, taken as a session grows; -1, the default, for eight contexts as far as a
    /// third of the free memory holds them; 0 gives each session memory of its own for all its tokens, and then nothing is shared between
    /// sessions.
    /// </summary>
    public int SharedTokens { get; init; } = -1;

    /// <summary>
    /// Of the shared tokens, those that can be recent, and so not compressed, at once; -1, the default, for a quarter. A session has up to
    /// 95 recent tokens and those of a pass; a prompt that begins like one before it goes on where the recent tokens of that are still
    /// there. Only where <see cref="Compression"/> is set.
    /// </summary>
    public int ExactTokens { get; init; } = -1;

    /// <summary>
    /// Whether pages of prompts stay for later sessions of the same scope, until others need them; true by default. Needs shared pages.
    /// </summary>
    public bool PrefixCaching { get; init; } = true;

    /// <summary>Another hash for the blocks of prompts, so that tests can make all of them collide; null for the usual one.</summary>
    internal Func<int, ReadOnlySpan<int>, int>? PrefixHash { get; init; }

    /// <summary>The same with the calibration in a model's folder, where there is one, it suits, and no other is given.</summary>
    /// <exception cref="CheckpointException">The file is damaged.</exception>
    internal KvCacheOptions For(string folder)
    {
        if (Compression is not { Calibration: null, PrefillExact: false, Codec.KeyBitsByRange: true } compression) return this;
        var path = Path.Combine(folder, KvCalibration.FileName);
        return File.Exists(path) ? this with { Compression = compression with { Calibration = KvCalibration.Read(path) } } : this;
    }

    internal void Validate()
    {
        if (Type == ElementType.I32 || !Enum.IsDefined(Type))
            throw new ArgumentException($"options: KvCache.Type must be F32, F16 or BF16, got {Type}.");
        if (SharedTokens < -1)
            throw new ArgumentOutOfRangeException(
                nameof(SharedTokens), $"options: KvCache.SharedTokens must be at least 0, or -1 for the default, got {SharedTokens}.");
        if (ExactTokens < -1)
            throw new ArgumentOutOfRangeException(
                nameof(ExactTokens), $"options: KvCache.ExactTokens must be at least 0, or -1 for the default, got {ExactTokens}.");
        Compression?.Validate();
    }
}
