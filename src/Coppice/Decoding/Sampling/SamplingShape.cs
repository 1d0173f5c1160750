namespace Coppice.Decoding.Sampling;

/// <summary>What a sampler's processors do to probabilities alone.</summary>
/// <param name="Temperature">Divides the logits; 0 for a greedy choice.</param>
/// <param name="TopK">Tokens kept, 0 for all.</param>
/// <param name="TopP">Probability kept.</param>
/// <param name="MinP">Smallest probability kept, as a part of the largest.</param>
internal readonly record struct SamplingShape(float Temperature, int TopK, float TopP, float MinP)
{
    /// <summary>The model's own probabilities.</summary>
    public static SamplingShape Unchanged { get; } = new(1, 0, 1, 0);
}
