using static Coppice.Kernels.Tiles.Code;

namespace Coppice.Kernels.Tiles;

/// <summary>Scores of some queries with the keys of a page: Σ_d q[d] k[d, j], d ascending.</summary>
internal sealed class ScoreTiles : AttentionTiles
{
    private const int PageRegisters = 4;        // a page has 64 keys
    private const string Signature = Parameters + "long at";

    protected override string Summary =>
        "Raw scores of some queries with the 64 keys of a page: each accumulator is one chain over d ascending.";

    protected override IEnumerable<string> Methods =>
    [
        Tile(1, 4), Tile(2, 4), Tile(4, 4), Tile(2, 2), Tile(4, 1), Tile(6, 1),
        Dispatch("ScoresOf4", "Scores", "x4", [4, 2, 1], Signature, modifiers: ""),
        Dispatch("ScoresOf1", "Scores", "x1", [6, 4], Signature, modifiers: ""),
    ];

    private static string Tile(int queries, int registers)
    {
        var loops = registers < PageRegisters;
        return Text($$"""
            /// <summary>
            /// {{(queries == 1 ? "1 query" : $"{queries} queries")}} by {{16 * registers}} keys at a time: {{queries * registers}} accumulators.
            /// Scores go <paramref name="at"/> floats after each query.
            /// </summary>
            [MethodImpl(Compiled.Alone)]
            private void Scores{{queries}}x{{registers}}({{Signature}})
            {
                {{Queries(queries)}}
                float* {{List(queries, q => $"x{q} = Source(q{q})")}};
                {{(loops ? Text($$"""
                    for (var column = 0; column < Block; column += {{registers}} * Lanes)
                    {
                        {{Body(queries, registers, " + column")}}
                    }
                    """) : Body(queries, registers, ""))}}
            }
            """);
    }

    private static string Body(int queries, int registers, string column) => Text($$"""
        {{Lines(queries, q => $"TLanes {List(registers, r => $"s{q}{r} = TLanes.Zero")};")}}
        for (var d = 0; d < _headDim; d++)
        {
            TLanes {{List(registers, r => $"k{r} = TElement.Load(page, {At($"d * Block{column}", r)})")}};
            {{(queries == 4 && registers == PageRegisters ? "PrefetchRow(next + d * Block * TElement.Size);" : "")}}
            {{Lines(queries, q => Multiply(q, registers))}}
        }
        {{Lines(queries, q => Statements(registers, r => $"TLanes.Store(s{q}{r}, {At($"q{q} + at{column}", r)});"))}}
        """);

    private static string Multiply(int q, int registers) => Text($$"""
        var b{{q}} = TLanes.Broadcast(x{{q}}[d]);
        {{Statements(registers, r => $"s{q}{r} = TLanes.FusedMultiplyAdd(b{q}, k{r}, s{q}{r});")}}
        """);
}
