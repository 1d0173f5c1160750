using System.Numerics.Tensors;

namespace Coppice.Decoding.Sampling;

/// <summary>z / temperature: below 1 sharpens the distribution, above 1 flattens it.</summary>
internal sealed class Temperature(float temperature) : LogitsProcessor
{
    /// <inheritdoc/>
    public override void Apply(ReadOnlySpan<int> tokens, Span<float> logits) => TensorPrimitives.Divide(logits, temperature, logits);
}
