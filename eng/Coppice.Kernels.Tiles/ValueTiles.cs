using static Coppice.Kernels.Tiles.Code;

namespace Coppice.Kernels.Tiles;

/// <summary>What some queries take of a page's values: o[d] += Σ_j w[j] v[j, d], j ascending.</summary>
internal sealed class ValueTiles : AttentionTiles
{
    private const string Signature = Parameters + "int low, int high";

    protected override string Summary =>
        "What some queries take of values that all of them see: each accumulator is one chain over j ascending.";

    protected override IEnumerable<string> Methods =>
    [
        Tile(2), Tile(4), Narrow(4), Narrow(6),
        Dispatch("ValuesOf4", "Values", "x4", [4, 2], Signature, modifiers: ""),
        Dispatch("ValuesOf1", "Values", "x1", [6, 4], Signature, modifiers: ""),
    ];

    private static string Tile(int queries) => Text($$"""
        /// <summary>
        /// {{queries}} queries by 64 elements of the head at a time, or 32: {{4 * queries}} accumulators.
        /// Values of columns <paramref name="low"/> … <paramref name="high"/> - 1 are loaded once for all.
        /// </summary>
        [MethodImpl(Compiled.Alone)]
        private void Values{{queries}}x4({{Signature}})
        {
            {{Queries(queries)}}
            float* {{List(queries, q => $"w{q} = Scores(q{q}), y{q} = BlockOutput(q{q})")}};
            var d = 0;
            {{(queries == 2 ? "// Of 256 bits there are registers for 32 elements only." : "")}}
            for (; {{(queries == 2 ? "typeof(TLanes) == typeof(Lanes512) && " : "")}}d <= _headDim - 4 * Lanes; d += 4 * Lanes)
            {
                {{Body(queries, 4, asksAhead: queries == 4)}}
            }
            for (; d < _headDim; d += 2 * Lanes)
            {
                {{Body(queries, 2, asksAhead: false)}}
            }
        }
        """);

    /// <summary>For registers of 256 bits: 16 elements, in two of them.</summary>
    private static string Narrow(int queries) => Text($$"""
        /// <summary>
        /// {{queries}} queries by 16 elements of the head at a time: {{queries}} accumulators.
        /// Values of columns <paramref name="low"/> … <paramref name="high"/> - 1 are loaded once for all.
        /// </summary>
        [MethodImpl(Compiled.Alone)]
        private void Values{{queries}}x1({{Signature}})
        {
            {{Queries(queries)}}
            float* {{List(queries, q => $"w{q} = Scores(q{q}), y{q} = BlockOutput(q{q})")}};
            for (var d = 0; d < _headDim; d += Lanes)
            {
                {{Body(queries, 1, asksAhead: false)}}
            }
        }
        """);

    private static string Body(int queries, int registers, bool asksAhead) => Text($$"""
        {{Lines(queries, q => $"TLanes {List(registers, r => $"o{q}{r} = TLanes.Load({At($"y{q} + d", r)})")};")}}
        for (var j = low; j < high; j++)
        {
            var index = j * _headDim + d;
            TLanes {{List(registers, r => $"v{r} = TElement.Load(page, {At("index", r)})")}};
            {{(asksAhead ? "PrefetchRow(next + index * TElement.Size);" : "")}}
            {{Lines(queries, q => Multiply(q, registers))}}
        }
        {{Lines(queries, q => Statements(registers, r => $"TLanes.Store(o{q}{r}, {At($"y{q} + d", r)});"))}}
        """);

    private static string Multiply(int q, int registers) => Text($$"""
        var b{{q}} = TLanes.Broadcast(w{{q}}[j]);
        {{Statements(registers, r => $"o{q}{r} = TLanes.FusedMultiplyAdd(b{q}, v{r}, o{q}{r});")}}
        """);
}
