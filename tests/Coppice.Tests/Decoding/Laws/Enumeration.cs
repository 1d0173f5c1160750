using System.Numerics;
using Coppice.Decoding.Verification;

namespace Coppice.Tests.Decoding.Laws;

/// <summary>Runs something random once for every way in which its decisions can fall, with the probability of each way.</summary>
internal sealed class Enumeration<T> : IVerifierDraws<T>
    where T : struct, IAdditionOperators<T, T, T>, ISubtractionOperators<T, T, T>, IMultiplyOperators<T, T, T>, IDivisionOperators<T, T, T>,
    IComparisonOperators<T, T, bool>, IAdditiveIdentity<T, T>
{
    private readonly List<(int Taken, int Branches)> _script = [];
    private readonly T _one;
    private int _at;

    public Enumeration(T one) => (_one, Probability) = (one, one);

    /// <summary>Probability of the way taken so far.</summary>
    public T Probability { get; private set; }

    /// <summary>Every result of <paramref name="body"/> and its probability.</summary>
    public IEnumerable<(T Probability, TResult Result)> Run<TResult>(Func<Enumeration<T>, TResult> body)
    {
        _script.Clear();
        do
        {
            (_at, Probability) = (0, _one);
            var result = body(this);
            yield return (Probability, result);
            while (_script.Count > 0 && _script[^1].Taken == _script[^1].Branches - 1) _script.RemoveAt(_script.Count - 1);
            if (_script.Count > 0) _script[^1] = (_script[^1].Taken + 1, _script[^1].Branches);
        }
        while (_script.Count > 0);
    }

    /// <summary>An index with weight, each in turn.</summary>
    public int Choose(ReadOnlySpan<T> weights)
    {
        var (possible, total) = (new List<int>(), T.AdditiveIdentity);
        for (var i = 0; i < weights.Length; i++)
        {
            total += weights[i];
            if (weights[i] > T.AdditiveIdentity) possible.Add(i);
        }
        var chosen = possible[Decide(possible.Count)];
        Probability *= weights[chosen] / total;
        return chosen;
    }

    public bool Accepts(int depth, int sibling, T numerator, T denominator)
    {
        if (numerator >= denominator) return true;
        return Choose([denominator - numerator, numerator]) == 1;
    }

    public int Draw(int depth, ReadOnlySpan<T> weights) => Choose(weights);

    private int Decide(int branches)
    {
        if (_at == _script.Count) _script.Add((0, branches));
        return _script[_at++].Taken;
    }
}
