namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    private sealed partial class CompressJob
    {
        private readonly ref partial struct HeadPart
        {
            private const int MostSweeps = 12;

            /// <summary>
            /// Turns the columns of A and B into singular vectors, the largest value first, and shrinks each value to what it was before
            /// white noise of the size of what the factors leave was added, 0 where it is not above the noise.
            /// </summary>
            /// <remarks>
            /// Gavish and Donoho, Optimal shrinkage of singular values (2017), for the Frobenius norm: of an m × n matrix with m ≤ n,
            /// β = m / n and y = σ / (noise √n), the value noise √n √((y² - β - 1)² - 4β) / y where y &gt; 1 + √β, else 0.
            /// </remarks>
            private void Shrink()
            {
                var rank = _layout.Rank;
                var total = 0f;
                for (var run = 0; run < _part.Runs; run++) total += Product(Run(run), Run(run), _part.RunLength);
                Span<float> squares = stackalloc float[KvChunkLayout.MostRank];
                Diagonalise(squares);
                var rest = total;
                for (var r = 0; r < rank; r++) rest -= squares[r];
                int rows = Tokens - Exact, most = Math.Max(rows, HeadDim), least = Math.Min(rows, HeadDim);
                var free = (float)(rows - rank) * (HeadDim - rank);
                var noise = free > 0f ? MathF.Max(rest, 0f) / free * most : 0f;
                var beta = (float)least / most;
                for (var r = 0; r < rank; r++)
                {
                    var factor = 1f;
                    if (noise > 0f)
                    {
                        var square = squares[r] / noise;        // y²
                        var inner = (square - beta - 1f) * (square - beta - 1f) - 4f * beta;
                        var edge = (1f + MathF.Sqrt(beta)) * (1f + MathF.Sqrt(beta));
                        factor = square > edge && inner > 0f ? MathF.Sqrt(inner) / square : 0f;
                    }
                    for (var d = 0; d < HeadDim; d++) FactorB(r)[d] *= factor;
                    if (factor == 0f) new Span<float>(FactorA(r), Tokens).Clear();
                }
            }

            /// <summary>
            /// Turns the columns of B, and those of A alike, until those of B are orthogonal, by the one-sided method of Jacobi; then
            /// orders them.
            /// </summary>
            /// <param name="squares">Receives the squared length of each column of B.</param>
            private void Diagonalise(Span<float> squares)
            {
                var rank = _layout.Rank;
                for (var sweep = 0; sweep < MostSweeps; sweep++)
                {
                    var turned = false;
                    for (var i = 0; i < rank; i++)
                        for (var j = i + 1; j < rank; j++) turned |= Turn(i, j);
                    if (!turned) break;
                }
                for (var r = 0; r < rank; r++) squares[r] = Product(FactorB(r), FactorB(r), HeadDim);
                for (var r = 0; r < rank; r++)
                {
                    var best = r;
                    for (var other = r + 1; other < rank; other++)
                        if (squares[other] > squares[best]) best = other;
                    if (best == r) continue;
                    (squares[r], squares[best]) = (squares[best], squares[r]);
                    Swap(FactorA(r), FactorA(best), Tokens);
                    Swap(FactorB(r), FactorB(best), HeadDim);
                }
            }

            private bool Turn(int i, int j)
            {
                float a = Product(FactorB(i), FactorB(i), HeadDim), b = Product(FactorB(j), FactorB(j), HeadDim);
                var shared = Product(FactorB(i), FactorB(j), HeadDim);
                if (!(MathF.Abs(shared) > 1e-6f * MathF.Sqrt(a * b))) return false;
                var zeta = (b - a) / (2f * shared);
                var tangent = MathF.CopySign(1f, zeta) / (MathF.Abs(zeta) + MathF.Sqrt(1f + zeta * zeta));
                var cosine = 1f / MathF.Sqrt(1f + tangent * tangent);
                Mix(FactorB(i), FactorB(j), HeadDim, cosine, cosine * tangent);
                Mix(FactorA(i), FactorA(j), Tokens, cosine, cosine * tangent);
                return true;
            }

            private static void Mix(float* x, float* y, int count, float cosine, float sine)
            {
                for (var i = 0; i < count; i++) (x[i], y[i]) = (cosine * x[i] - sine * y[i], sine * x[i] + cosine * y[i]);
            }

            private static void Swap(float* x, float* y, int count)
            {
                for (var i = 0; i < count; i++) (x[i], y[i]) = (y[i], x[i]);
            }
        }
    }
}
