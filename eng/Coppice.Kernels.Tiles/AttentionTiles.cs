using static Coppice.Kernels.Tiles.Code;

namespace Coppice.Kernels.Tiles;

/// <summary>
/// Some queries by some registers of a page's keys, or of a head's values. Queries lie one stride apart in the scratch memory, the last of
/// them anywhere: three are done as four, the third twice.
/// </summary>
internal abstract class AttentionTiles : TileFamily
{
    protected const string Parameters = "float* first, float* last, byte* page, byte* next, ";

    protected sealed override string Folder => "Attention/Tiles";

    protected sealed override string Class(string methods) => Text($$"""
        internal sealed unsafe partial class SimdBackend<TLanes>
        {
            /// <summary>{{Summary}}</summary>
            private sealed partial class AttentionJob<TPages, TElement>
            {
                {{methods}}
            }
        }
        """);

    /// <summary>Names the queries q0 … between the first and the last.</summary>
    protected static string Queries(int queries) => Lines(queries, q =>
    {
        if (q == 0) return "var q0 = first;";
        if (q == queries - 1) return $"var q{q} = last;";
        return q == 1 ? "var q1 = first + _queryFloats;" : $"var q{q} = first + {q} * _queryFloats;";
    });

    /// <summary>"from", and the register's place after it.</summary>
    protected static string At(string from, int register) => register == 0 ? from : $"{from} + {16 * register}";
}
