using System.Globalization;
using System.Text.RegularExpressions;
using Coppice.Ptx.Text;

namespace Coppice.Kernels.Tests.Ptx;

/// <summary>A fault that is planted in one line of a kernel's text.</summary>
/// <param name="Line">From 1.</param>
/// <param name="Operator">What was done: "comparison".</param>
/// <param name="Before">The line as it was.</param>
/// <param name="After">The line as it is.</param>
internal sealed partial record Mutation(int Line, string Operator, string Before, string After)
{
    /// <summary>The text with the fault in it.</summary>
    public string Apply(string text)
    {
        var lines = text.Split('\n');
        lines[Line - 1] = After;
        return string.Join('\n', lines);
    }

    /// <summary>The fault that can be planted in an instruction; null where there is none for its kind.</summary>
    public static Mutation? Of(Instruction instruction, string line)
    {
        var found = Change(instruction, line);
        return found is { } change && change.After != line ? new Mutation(instruction.Line, change.Operator, line, change.After) : null;
    }

    private static (string Operator, string After)? Change(Instruction instruction, string line)
    {
        var (name, first) = (instruction.Name, instruction.Opcode[0]);
        switch (first)
        {
            case "bra" when instruction.Guard is not null:
                return ("guard", line.Contains("@!", StringComparison.Ordinal) ? line.Replace("@!", "@", StringComparison.Ordinal)
                    : line.Replace("@", "@!", StringComparison.Ordinal));
            case "bar": return ("barrier", "");
            case "setp":
                return ("comparison", line.Replace($"setp.{instruction.Opcode[1]}", $"setp.{Neighbour(instruction.Opcode[1])}",
                StringComparison.Ordinal));
            case "shfl":
                return ("shuffle", ShuffleDistance().Replace(line, match =>
                    $", {(int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) / 2)}, 31,"));
            case "ld" when instruction.Has("global") || instruction.Has("shared"):
                return ("load", line.Replace("]", "+16]", StringComparison.Ordinal));
            case "st" when instruction.Has("global") || instruction.Has("shared"):
                return ("store", line.Replace("]", "+16]", StringComparison.Ordinal));
            case "selp": return ("selection", Swapped(line));
            case "shl" or "shr":
                return ("shift", Constant().Replace(line, match =>
                $", {int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) + 1};"));
            case "lop3": return ("logic", line.Replace("234;", "192;", StringComparison.Ordinal));      // (a & b) | c to a & b
            case "fma": return ("sum", LastOperand().Replace(line, $", {((NameOperand)instruction.Operands[1]).Name};"));
            case "dp4a": return ("sign", line.Replace("dp4a.s32.s32", "dp4a.u32.s32", StringComparison.Ordinal));
            case "mul" when instruction.Has("wide"): return ("scale", Constant().Replace(line, ", 2;"));
        }
        var other = name switch
        {
            "add.s32" => "sub.s32",
            "add.f32" => "sub.f32",
            "sub.f32" => "add.f32",
            "mul.f32" => "add.f32",
            "max.f32" => "min.f32",
            "min.s32" => "max.s32",
            "mul.lo.s32" => "add.s32",
            "and.b32" => "or.b32",
            "div.s32" => "rem.s32",
            "rem.s32" => "div.s32",
            _ => null,
        };
        return other is null ? null : ("operation", line.Replace(name, other, StringComparison.Ordinal));
    }

    private static string Neighbour(string comparison) => comparison switch
    {
        "ge" => "gt",
        "gt" => "ge",
        "lt" => "le",
        "le" => "lt",
        "eq" => "ne",
        "ne" => "eq",
        _ => comparison,
    };

    /// <summary>a and b of selp d, a, b, p.</summary>
    private static string Swapped(string line) => SelectOperands().Replace(line, ", $2, $1, $3;");

    [GeneratedRegex(@", (\d+), 31,")]
    private static partial Regex ShuffleDistance();
    [GeneratedRegex(@", (\d+);")]
    private static partial Regex Constant();
    [GeneratedRegex(@", [^,]+;")]
    private static partial Regex LastOperand();
    [GeneratedRegex(@", ([^,]+), ([^,]+), ([^,]+);")]
    private static partial Regex SelectOperands();
}
