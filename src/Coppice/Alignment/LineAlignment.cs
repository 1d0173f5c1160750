namespace Coppice;

/// <summary>Which lines of a source each line of an output was written from.</summary>
public sealed class LineAlignment
{
    private readonly double[,] _weights;

    internal LineAlignment(double[,] weights) => _weights = weights;

    /// <summary>Lines of the output.</summary>
    public int Outputs => _weights.GetLength(0);
    /// <summary>Lines of the source.</summary>
    public int Sources => _weights.GetLength(1);

    /// <summary>Attention of a line of the output to a line of the source.</summary>
    public double this[int output, int source] => _weights[output, source];

    /// <summary>For each line of the output the line of the source that it attends to most; of equal ones the first.</summary>
    public IReadOnlyList<int> Best()
    {
        var best = new int[Outputs];
        for (var row = 0; row < Outputs; row++)
        {
            for (var column = 1; column < Sources; column++)
                if (_weights[row, column] > _weights[row, best[row]]) best[row] = column;
        }
        return best;
    }

    /// <summary>
    /// The same where lines stay in their order: the lines of the source, never falling, to which the lines of the output attend most in
    /// sum; of equal ones the first.
    /// </summary>
    /// <remarks>Time and memory: O(outputs · sources).</remarks>
    public IReadOnlyList<int> Monotone()
    {
        if (Outputs == 0 || Sources == 0) return new int[Outputs];
        var (sums, from) = (new double[Outputs, Sources], new int[Outputs, Sources]);
        for (var row = 0; row < Outputs; row++)
        {
            var best = 0;
            for (var column = 0; column < Sources; column++)
            {
                if (row > 0 && sums[row - 1, column] > sums[row - 1, best]) best = column;
                sums[row, column] = _weights[row, column] + (row > 0 ? sums[row - 1, best] : 0);
                from[row, column] = best;
            }
        }
        var path = new int[Outputs];
        for (var column = 1; column < Sources; column++)
            if (sums[Outputs - 1, column] > sums[Outputs - 1, path[^1]]) path[^1] = column;
        for (var row = Outputs - 1; row > 0; row--) path[row - 1] = from[row, path[row]];
        return path;
    }
}
