namespace Coppice.Kernels.Tests.Reference;

/// <summary>Singular values by one-sided Jacobi rotations (Hestenes): slow and exact.</summary>
internal static class SingularValues
{
    /// <summary>The norm of what the best approximation of a rank leaves.</summary>
    public static double Rest(double[,] matrix, int rank)
    {
        var (rows, columns) = (matrix.GetLength(0), matrix.GetLength(1));
        var x = (double[,])matrix.Clone();
        for (var sweep = 0; sweep < 12; sweep++)
            for (var p = 0; p < columns; p++)
                for (var q = p + 1; q < columns; q++) Rotate(x, rows, p, q);
        var squares = Enumerable.Range(0, columns).Select(c => Enumerable.Range(0, rows).Sum(r => x[r, c] * x[r, c]));
        return Math.Sqrt(squares.OrderDescending().Skip(rank).Sum());
    }

    private static void Rotate(double[,] x, int rows, int p, int q)
    {
        double a = 0, b = 0, c = 0;
        for (var r = 0; r < rows; r++)
        {
            a += x[r, p] * x[r, p];
            b += x[r, q] * x[r, q];
            c += x[r, p] * x[r, q];
        }
        if (Math.Abs(c) < 1e-14 * Math.Sqrt(a * b) || c == 0) return;
        var zeta = (b - a) / (2 * c);
        var t = (zeta >= 0 ? 1 : -1) / (Math.Abs(zeta) + Math.Sqrt(1 + zeta * zeta));
        var cosine = 1 / Math.Sqrt(1 + t * t);
        for (var r = 0; r < rows; r++)
        {
            var (left, right) = (x[r, p], x[r, q]);
            x[r, p] = cosine * (left - t * right);
            x[r, q] = cosine * (t * left + right);
        }
    }
}
