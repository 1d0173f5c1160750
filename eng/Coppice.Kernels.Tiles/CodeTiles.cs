using static Coppice.Kernels.Tiles.Code;

namespace Coppice.Kernels.Tiles;

/// <summary>F32 rows by panels of codes. A word holds codes of 4 inputs (Q8) or 8 (Q4).</summary>
internal sealed class CodeTiles : TileFamily
{
    protected override string Summary => "F32 rows by quantised panels: w = scale · code + minimum, then the usual chain over k.";

    protected override IEnumerable<string> Methods =>
    [
        Row(4), Tile(8, 2), Tile(4, 2), Tile(2, 2), Tile(6, 1), Tile(4, 1), Tile(2, 1),
        Dispatch(2, [8, 4, 2]), Dispatch(1, [6, 4, 2]),
    ];

    private const string Parameters = "float* x, byte* w0, long panelBytes, long parameterOffset, int groups, float* y";
    private const string Constraint = " where TCodes : struct, ICodePanels<TLanes>";

    private static string Dispatch(int panels, int[] rows) =>
        Dispatch($"CodeTilesOf{panels}<TCodes>", "CodeTile", $"x{panels}<TCodes>", rows, Parameters, Constraint);

    private static string Row(int panels) => Text($$"""
        /// <summary>
        /// One row by {{panels}} panels: y[16 · {{panels}}] for x [32 · groups].
        /// Lines are asked for ahead: see <see cref="PrefetchBytes"/>.
        /// </summary>
        [MethodImpl(Compiled.Alone)]
        private static void CodeRow1x{{panels}}<TCodes>({{Parameters}}){{Constraint}}
        {
            TLanes {{List(panels, p => $"c{p} = TLanes.Zero")}};
            byte* {{List(panels - 1, p => $"w{p + 1} = w{p} + panelBytes")}};
            byte* {{List(panels, p => $"p{p} = w{p} + parameterOffset")}};
            long ahead = PrefetchBytes, ahead2 = PrefetchBytes / TCodes.CodeBytes * TCodes.ParameterBytes;
            var near = groups - PrefetchBytes / TCodes.CodeBytes;
            for (var group = 0; group < groups; group++)
            {
                if (group == near)
                {
                    // After these panels lie their parameters, and then the next four panels.
                    ahead += {{panels}} * panelBytes - (long)groups * TCodes.CodeBytes;
                    ahead2 += {{panels}} * panelBytes - (long)groups * TCodes.ParameterBytes;
                }
                {{Lines(panels, p => $"Prefetch(p{p} + ahead2);")}}
                TLanes {{List(panels, p => $"s{p} = TLanes.LoadF16((ushort*)p{p})")}};
                TLanes {{List(panels, p => $"m{p} = TCodes.Minimum(p{p}, s{p})")}};
                for (var word = 0; word < TCodes.CodeBytes; word += PanelLayout.WordBytes)
                {
                    {{Lines(panels, RowWord)}}
                    x += TCodes.WordInputs;
                }
                {{Lines(panels, p => $"p{p} += TCodes.ParameterBytes;")}}
            }
            {{Lines(panels, p => p == 0 ? "TLanes.Store(c0, y);" : $"TLanes.Store(c{p}, y + {16 * p});")}}
        }
        """);

    private static string RowWord(int panel) => Text($$"""
        Prefetch(w{{panel}} + ahead);
        c{{panel}} = MultiplyWord<TCodes>(w{{panel}}, x, s{{panel}}, m{{panel}}, c{{panel}});
        w{{panel}} += PanelLayout.WordBytes;
        """);

    private static string Tile(int rows, int panels)
    {
        var distance = panels == 2 ? "2 * PrefetchBytes" : "PrefetchBytes";
        return Text($$"""
            /// <summary>{{rows}} rows by {{Count(panels, "panel")}}: x is packed [k][{{rows}}], y [{{rows}}][{{16 * panels}}].</summary>
            [MethodImpl(Compiled.Alone)]
            private static void CodeTile{{rows}}x{{panels}}<TCodes>({{Parameters}}){{Constraint}}
            {
                {{Lines(rows, r => $"TLanes {List(panels, p => $"c{r}{p} = TLanes.Zero")};")}}
                {{Lines(panels - 1, p => $"var w{p + 1} = w{p} + panelBytes;")}}
                byte* {{List(panels, p => $"p{p} = w{p} + parameterOffset")}};
                long ahead = {{distance}};
                for (var group = 0; group < groups; group++)
                {
                    if (group == groups - {{distance}} / TCodes.CodeBytes)
                        ahead += {{panels}} * panelBytes - (long)groups * TCodes.CodeBytes;
                    TLanes {{List(panels, p => $"s{p} = TLanes.LoadF16((ushort*)p{p}), m{p} = TCodes.Minimum(p{p}, s{p})")}};
                    {{Lines(panels, p => $"p{p} += TCodes.ParameterBytes;")}}
                    for (var word = 0; word < TCodes.CodeBytes; word += PanelLayout.WordBytes)
                    {
                        {{Lines(panels, p => $"Prefetch(w{p} + ahead);")}}
                        {{(panels == 1 ? Loop(rows) : Unrolled(rows, panels))}}
                        {{Lines(panels, p => $"w{p} += PanelLayout.WordBytes;")}}
                    }
                }
                {{Lines(rows, r => Statements(panels, p => $"TLanes.Store(c{r}{p}, y + {16 * (r * panels + p)});"))}}
            }
            """);
    }

    private static string Unrolled(int rows, int panels) => Text($$"""
        {{Lines(4, k => Multiply(k, $"{k}", rows, panels))}}
        if (TCodes.WordInputs == 8)
        {
            {{Lines(4, k => Multiply(4 + k, $"{4 + k}", rows, panels))}}
        }
        x += TCodes.WordInputs * {{rows}};
        """);

    /// <summary>Four codes at a time: of 256 bits twice as many operations are needed, and eight codes are more than is inlined.</summary>
    private static string Loop(int rows) => Text($$"""
        for (var code = 0; code < TCodes.WordInputs; code += 4)
        {
            {{Lines(4, k => Multiply(k, k == 0 ? "code" : $"code + {k}", rows, 1))}}
            x += {{4 * rows}};
        }
        """);

    /// <summary>The products of all rows with code <paramref name="code"/> of a word, which is the k-th from where x is.</summary>
    private static string Multiply(int k, string code, int rows, int panels)
    {
        string Weight(int p) => $"q{p} = TLanes.FusedMultiplyAdd(TCodes.Code(w{p}, {code}), s{p}, m{p})";
        return Text($$"""
            {{(k == 0 ? $"TLanes {List(panels, Weight)};" : Statements(panels, p => $"{Weight(p)};"))}}
            {{Lines(rows, r => $"{(k == 0 ? "var " : "")}x{r} = TLanes.Broadcast(x[{k * rows + r}]);\n{Row(r, panels)}")}}
            """);
    }

    private static string Row(int r, int panels) => Statements(panels, p => $"c{r}{p} = TLanes.FusedMultiplyAdd(x{r}, q{p}, c{r}{p});");
}
