using Coppice.Kernels;

namespace Coppice;

/// <summary>How a model is loaded. The defaults suit a first program.</summary>
public sealed record ModelOptions
{
    /// <summary>
    /// What computes: "auto" (the default: the first GPU, else the CPU), "cpu", "cuda", "cuda:1" or "ilgpu-cpu", which runs GPU kernels on
    /// the CPU for checking.
    /// </summary>
    public string Device { get; init; } = "auto";

    /// <summary>How weight matrices are kept; as stored by default.</summary>
    public WeightFormat WeightFormat { get; init; } = WeightFormat.AsStored;

    /// <summary>
    /// Whether <see cref="WeightFormat"/> Q8 and Q4 hold for embedding and head too; true by default. If not, they stay as stored.
    /// </summary>
    public bool QuantizeVocabulary { get; init; } = true;

    /// <summary>
    /// How products read their activations; F32 by default. Int8 needs weights Q8 or Q4: faster, and rounded for each row and group of 32.
    /// BF16 needs weights in BF16 (as stored, or <see cref="WeightFormat"/> BF16) and the CPU: faster where the processor has AVX512_BF16,
    /// and rounded to BF16. Auto is the fastest that `coppice tune` has found to be exact enough for the model on this machine, and F32
    /// where `coppice tune` was not run for it.
    /// </summary>
    public ActivationFormat Activations { get; init; } = ActivationFormat.F32;

    /// <summary>
    /// The folder of what `coppice tune` has measured, for <see cref="ActivationFormat.Auto"/>; null, the default, for coppice/activations
    /// in the user's folder for local data.
    /// </summary>
    public string? ActivationChoices { get; init; }

    /// <summary>How keys and values are kept.</summary>
    public KvCacheOptions KvCache { get; init; } = new();

    /// <summary>Tokens of a session, prompt and generated; null for the model's context, at most 8,192.</summary>
    public int? ContextLength { get; init; }

    /// <summary>The former name of <see cref="ContextLength"/>.</summary>
    [Obsolete("Use ContextLength.")]
    public int? MaxTokens { get => ContextLength; init => ContextLength = value; }

    /// <summary>Sequences in passes at once; 64 by default, at most 256. What comes beyond that waits.</summary>
    public int MaxSequences { get; init; } = 64;

    /// <summary>
    /// Requests that wait for a place at most; 1,024 by default. What comes beyond that is refused with <see cref="ModelBusyException"/>.
    /// </summary>
    public int MaxQueued { get; init; } = 1024;

    /// <summary>
    /// Time between two tokens of a session that the prompt of another one may cause; 50 ms by default. Where two passes of decoding take
    /// longer, their time counts.
    /// </summary>
    public TimeSpan TokenDelay { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>Threads of the CPU; 0, the default, for one for each processor.</summary>
    public int Threads { get; init; }

    /// <summary>Vector registers of the CPU back end; null for the widest there are.</summary>
    internal CpuTier? CpuTier { get; init; }

    /// <summary>
    /// Rows of a pass at most, prompts and tokens of all sessions together; 512 by default. Fewer than 96, a tree of drafts, count as 96.
    /// Bounds the workspace, and cancellation waits for at most one pass.
    /// </summary>
    public int PrefillChunk { get; init; } = 512;

    internal Models.WeightSettings Weights => new(WeightFormat, Activations, QuantizeVocabulary);

    internal void Validate()
    {
        ArgumentException.ThrowIfNullOrEmpty(Device);
        ArgumentNullException.ThrowIfNull(KvCache);
        KvCache.Validate();
        if (!Enum.IsDefined(WeightFormat))
            throw new ArgumentOutOfRangeException(nameof(WeightFormat), $"options: WeightFormat is not known: {WeightFormat}.");
        if (!Enum.IsDefined(Activations))
            throw new ArgumentOutOfRangeException(nameof(Activations), $"options: Activations is not known: {Activations}.");
        if (Activations == ActivationFormat.Int8 && WeightFormat is not (WeightFormat.Q8 or WeightFormat.Q4))
            throw new ArgumentException(
                $"options: Activations Int8 need WeightFormat Q8 or Q4, got {WeightFormat} (choose one of those, or Activations F32).");
        if (Activations == ActivationFormat.BF16 && WeightFormat is not (WeightFormat.AsStored or WeightFormat.BF16))
            throw new ArgumentException(
                $"options: Activations BF16 need weights in BF16, got WeightFormat {WeightFormat} (choose AsStored or BF16, or "
                + "Activations F32).");
        if (ContextLength is < 2)
            throw new ArgumentOutOfRangeException(
                nameof(ContextLength), $"options: ContextLength must be at least 2, got {ContextLength}.");
        if (MaxSequences is < 1 or > 256)
            throw new ArgumentOutOfRangeException(nameof(MaxSequences), $"options: MaxSequences must be 1..256, got {MaxSequences}.");
        if (MaxQueued is < 0)
            throw new ArgumentOutOfRangeException(nameof(MaxQueued), $"options: MaxQueued must be at least 0, got {MaxQueued}.");
        if (TokenDelay < TimeSpan.Zero)
            throw new ArgumentOutOfRangeException(nameof(TokenDelay), $"options: TokenDelay must be at least 0, got {TokenDelay}.");
        if (Threads is < 0 or > 1024)
            throw new ArgumentOutOfRangeException(nameof(Threads), $"options: Threads must be 0..1024, got {Threads}.");
        if (PrefillChunk is < 1 or > 65536)
            throw new ArgumentOutOfRangeException(nameof(PrefillChunk), $"options: PrefillChunk must be 1..65536, got {PrefillChunk}.");
    }
}

/// <summary>How far loading has come.</summary>
/// <param name="Bytes">Bytes of the checkpoint done.</param>
/// <param name="Total">Bytes in all.</param>
public readonly record struct LoadProgress(long Bytes, long Total);
