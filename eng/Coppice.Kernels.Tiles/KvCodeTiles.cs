using static Coppice.Kernels.Tiles.Code;

namespace Coppice.Kernels.Tiles;

/// <summary>Some queries by some vectors of 16 codes, which lie as bytes.</summary>
internal sealed class KvCodeTiles : TileFamily
{
    private const string Parameters =
        "byte* codes, long step, int runs, float* factors, long factorsApart, float* starts, float* sums, long sumsApart";

    protected override string Folder => "Attention/Tiles";

    protected override string Summary => "Sums of factor times code: each accumulator is one chain over the runs of codes ascending.";

    protected override IEnumerable<string> Methods =>
        [.. Tiles(1), .. Tiles(2), .. Tiles(4), Dispatched(1), Dispatched(2), Dispatched(4)];

    private static IEnumerable<string> Tiles(int vectors) => Enumerable.Range(1, 4).Select(queries => Tile(queries, vectors));

    private static string Dispatched(int vectors) =>
        Dispatch($"KvCodesBy{vectors}", "KvCodes", $"x{vectors}", [3, 4, 1, 2], Parameters);

    private static string Tile(int queries, int vectors) => Text($$"""
        /// <summary>
        /// {{Queries(queries)}} by {{16 * vectors}} codes of each run:
        /// sums[query][lane] = start of the query + Σ factors[query][run] · code.
        /// </summary>
        [MethodImpl(Compiled.Alone)]
        private static void KvCodes{{queries}}x{{vectors}}({{Parameters}})
        {
            {{Lines(queries, q => $"var f{q} = factors{(q == 0 ? "" : q == 1 ? " + factorsApart" : $" + {q} * factorsApart")};")}}
            {{Lines(queries, q => $"TLanes {List(vectors, v => $"s{q}{v} = TLanes.Zero")};")}}
            for (var i = 0; i < runs; i++)
            {
                {{Lines(vectors, v => Multiply(queries, v))}}
                codes += step;
            }
            {{Lines(queries, q => Store(q, vectors))}}
        }
        """);

    private static string Queries(int count) => count == 1 ? "1 query" : $"{count} queries";

    private static string Multiply(int queries, int v) => Text($$"""
        var c{{v}} = TLanes.LoadBytes(codes{{(v == 0 ? "" : $" + {16 * v}")}});
        {{Lines(queries, q => $"s{q}{v} = TLanes.FusedMultiplyAdd(TLanes.Broadcast(f{q}[i]), c{v}, s{q}{v});")}}
        """);

    private static string Store(int q, int vectors) => Text($$"""
        var b{{q}} = TLanes.Broadcast(starts[{{q}}]);
        {{Lines(vectors, v => $"TLanes.Store(TLanes.Add(s{q}{v}, b{q}), {Place(q, v)});")}}
        """);

    private static string Place(int q, int v) =>
        $"sums{(q == 0 ? "" : $" + {q} * sumsApart")}{(v == 0 ? "" : $" + {16 * v}")}";
}
