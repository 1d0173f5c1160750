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

    /// <summary>What is left of probabilities after some tokens.</summary>
    public static double[] Probabilities(this LogitsProcessor processor, double[] p, params int[] tokens)
    {
        var logits = p.Select(x => (float)Math.Log(x)).ToArray();
        processor.ApplyToRow(tokens, logits);
        var weights = logits.Select(z => Math.Exp(z)).ToArray();
        return [.. weights.Select(w => w / weights.Sum())];
    }

    /// <summary>The indices of the logits that are above -∞ after the processor.</summary>
    public static int[] Kept(this LogitsProcessor processor, float[] row)
    {
        var logits = (float[])row.Clone();
        processor.ApplyToRow([], logits);
        return [.. Enumerable.Range(0, logits.Length).Where(i => logits[i] > float.NegativeInfinity)];
    }
}
