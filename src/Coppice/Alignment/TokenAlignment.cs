namespace Coppice;

/// <summary>Which tokens of a source each token of an output was written from: the attention of the row that predicts it.</summary>
/// <remarks>Source: Lee et al., Guess &amp; Sketch, section 3.1.</remarks>
public sealed class TokenAlignment
{
    private readonly double[,] _weights;

    internal TokenAlignment(double[,] weights) => _weights = weights;

    /// <summary>Tokens of the output.</summary>
    public int Outputs => _weights.GetLength(0);
    /// <summary>Tokens of the source.</summary>
    public int Sources => _weights.GetLength(1);

    /// <summary>
    /// The attention to a token of the source of the row that predicts a token of the output, which is the row of the token before it.
    /// </summary>
    public double this[int output, int source] => _weights[output, source];

    /// <summary>The same of groups: attention to all tokens of a source group, on average over those of an output group.</summary>
    /// <param name="outputGroups">[outputs]: the group of each token, from 0, not falling.</param>
    /// <param name="sourceGroups">[sources]: the same of the source.</param>
    /// <exception cref="ArgumentException">There is not one group for each token, or a group is smaller than the one before it.</exception>
    public LineAlignment By(IReadOnlyList<int> outputGroups, IReadOnlyList<int> sourceGroups)
    {
        Check(outputGroups, Outputs, nameof(outputGroups));
        Check(sourceGroups, Sources, nameof(sourceGroups));
        var (rows, columns) = (outputGroups.Count == 0 ? 0 : outputGroups[^1] + 1, sourceGroups.Count == 0 ? 0 : sourceGroups[^1] + 1);
        var (sums, counts) = (new double[rows, columns], new int[rows]);
        for (var i = 0; i < Outputs; i++)
        {
            counts[outputGroups[i]]++;
            for (var j = 0; j < Sources; j++) sums[outputGroups[i], sourceGroups[j]] += _weights[i, j];
        }
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns && counts[row] > 0; column++) sums[row, column] /= counts[row];
        }
        return new LineAlignment(sums);
    }

    private static void Check(IReadOnlyList<int> groups, int count, string name)
    {
        ArgumentNullException.ThrowIfNull(groups, name);
        if (groups.Count != count)
            throw new ArgumentException($"alignment: there must be {count} groups of tokens, got {groups.Count}.", name);
        for (var i = 0; i < count; i++)
        {
            if (groups[i] < (i == 0 ? 0 : groups[i - 1]))
                throw new ArgumentException($"alignment: groups must count up from 0, got {groups[i]} for token {i}.", name);
        }
    }
}
