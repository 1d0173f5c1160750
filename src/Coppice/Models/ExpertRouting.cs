using System.Diagnostics;

namespace Coppice.Models;

/// <summary>Which rows go to which expert, on the host: groups the choices of a pass by expert, rows ascending.</summary>
internal sealed class ExpertRouting
{
    private readonly ExpertSpec _spec;
    private readonly int[] _starts, _rows;
    private readonly float[] _scales;

    public ExpertRouting(int rows, ExpertSpec spec)
    {
        _spec = spec;
        (Weights, Indices) = (new float[rows * spec.PerToken], new int[rows * spec.PerToken]);
        (_rows, _scales) = (new int[rows * spec.PerToken], new float[rows * spec.PerToken]);
        _starts = new int[spec.Count + 1];
    }

    /// <summary>[rows, expertsPerToken]: probabilities of the chosen experts.</summary>
    public float[] Weights { get; }
    /// <summary>[rows, expertsPerToken]: which they are.</summary>
    public int[] Indices { get; }
    /// <summary>All rows, grouped by expert.</summary>
    public ReadOnlySpan<int> Rows => _rows.AsSpan(0, _starts[^1]);
    /// <summary>What each of these rows multiplies the expert's output by.</summary>
    public ReadOnlySpan<float> Scales => _scales.AsSpan(0, _starts[^1]);

    /// <summary>Where an expert's rows lie in <see cref="Rows"/>.</summary>
    public (int First, int Count) Range(int expert) => (_starts[expert], _starts[expert + 1] - _starts[expert]);

    /// <summary>
    /// Groups the first <paramref name="rows"/> rows of <see cref="Weights"/> and <see cref="Indices"/>; every scale is multiplied by
    /// <paramref name="residualScale"/>.
    /// </summary>
    public void Group(int rows, float residualScale)
    {
        var choices = rows * _spec.PerToken;
        Array.Clear(_starts);
        for (var i = 0; i < choices; i++) _starts[Indices[i] + 1]++;
        for (var e = 0; e < _spec.Count; e++) _starts[e + 1] += _starts[e];
        for (var row = 0; row < rows; row++)
        {
            var weights = Weights.AsSpan(row * _spec.PerToken, _spec.PerToken);
            var sum = 0f;
            foreach (var weight in weights) sum += weight;
            var divisor = _spec.Normalize ? sum : 1;
            for (var j = 0; j < weights.Length; j++)
            {
                var at = _starts[Indices[row * _spec.PerToken + j]]++;      // after the loop each start is the next one's
                (_rows[at], _scales[at]) = (row, weights[j] / divisor * residualScale);
            }
        }
        for (var e = _spec.Count; e > 0; e--) _starts[e] = _starts[e - 1];
        _starts[0] = 0;
        Debug.Assert(_starts[^1] == choices, "every choice has its place");
    }
}
