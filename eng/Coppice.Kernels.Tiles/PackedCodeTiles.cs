using static Coppice.Kernels.Tiles.Code;

namespace Coppice.Kernels.Tiles;

/// <summary>Some queries by 64 codes, which are unpacked on the way: for processors with AVX-512 VBMI.</summary>
internal sealed class PackedCodeTiles : TileFamily
{
    private const string Parameters =
        "PackedCodes* codes, int runs, float* factors, long factorsApart, float* starts, float* sums, long sumsApart";

    protected override string Usings => "\nusing System.Runtime.Intrinsics;";

    protected override string Folder => "Attention/Tiles";

    protected override string Summary =>
        "Sums of factor times code as over bytes, from packed codes: each accumulator is one chain over the runs ascending.";

    private static readonly (string Name, string Widths, string Next, Func<int, string> Code)[] Forms =
    [
        ("OfWidths", "a width for each run", "Next", v => $"PackedCodes.Byte{v}(words)"),
        ("Alike", "one width", "NextAlike", v => $"PackedCodes.Byte{v}(words)"),
        ("Nibbles", "4 bits", "NextOfNibbles", v => $"PackedCodes.Lookup(numbers, {Shifted(v, 4)})"),
        ("Pairs", "2 bits", "NextOfPairs", v => $"PackedCodes.Lookup(numbers, {Shifted(v, 2)})"),
    ];

    private static string Shifted(int v, int bits) => v == 0 ? "words" : $"words >> {v * bits}";

    protected override IEnumerable<string> Methods =>
    [
        .. Forms.SelectMany(form => Enumerable.Range(1, 4).Select(queries => Tile(form, queries))),
        .. Forms.Select(form => Dispatch(form.Name, form.Name, "", [3, 4, 1, 2], Parameters, access: "internal")),
    ];

    protected override string Class(string methods) => Text($$"""
        /// <summary>{{Summary}}</summary>
        internal static unsafe class PackedCodeTiles
        {
            {{methods}}

            private static void ThrowNoTile(string name, int rows) =>
                throw new ArgumentOutOfRangeException(nameof(rows), $"{name}: there is no tile of {rows} rows.");
        }
        """);

    // Word w has codes 4w to 4w + 3: four sums of 16 words each, which are put in order at the end.
    private static string Tile((string Name, string Widths, string Next, Func<int, string> Code) form, int queries) => Text($$"""
        /// <summary>
        /// {{(queries == 1 ? "1 query" : $"{queries} queries")}}, {{form.Widths}}:
        /// sums[query][code] = start of the query + Σ factors[query][run] · code.
        /// </summary>
        [MethodImpl(Compiled.Alone)]
        private static void {{form.Name}}{{queries}}({{Parameters}})
        {
            {{Lines(queries, q => $"var f{q} = factors{(q == 0 ? "" : q == 1 ? " + factorsApart" : $" + {q} * factorsApart")};")}}
            {{Lines(queries, q => $"Vector512<float> {List(4, v => $"s{q}{v} = Vector512<float>.Zero")};")}}
            {{(form.Code(0).Contains("numbers") ? "var numbers = codes->Numbers;" : "")}}
            var reader = new PackedCodes.Reader(codes);
            for (var i = 0; i < runs; i++)
            {
                var words = reader.{{form.Next}}();
                {{Lines(4, v => Multiply(form.Code, queries, v))}}
            }
            {{Lines(queries, Store)}}
        }
        """);

    private static string Store(int q) =>
        $"PackedCodes.Store({List(4, v => $"s{q}{v}")}, starts[{q}], sums{(q == 0 ? "" : $" + {q} * sumsApart")});";

    private static string Multiply(Func<int, string> code, int queries, int v) => Text($$"""
        var c{{v}} = {{code(v)}};
        {{Lines(queries, q => $"s{q}{v} = Vector512.FusedMultiplyAdd(Vector512.Create(f{q}[i]), c{v}, s{q}{v});")}}
        """);
}
