using Coppice.Decoding.Sampling;

namespace Coppice.Tests.Support;

/// <summary>Runs one processor by itself.</summary>
internal static class Processors
{
    /// <summary>Changes a whole row of logits.</summary>
    public static void ApplyToRow(this LogitsProcessor processor, int[] tokens, float[] logits)
    {
        var row = new Candidates(logits);
        processor.Apply(tokens, ref row);
    }
}
