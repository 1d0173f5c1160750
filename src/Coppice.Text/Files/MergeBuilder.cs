using System.Text;
using Coppice.Text.TokenModels;

namespace Coppice.Text.Files;

/// <summary>Collects merges, finding the ids of their parts and of the whole.</summary>
internal sealed class MergeBuilder
{
    private readonly string _file;
    private readonly string _path;
    private readonly Vocabulary _vocabulary;
    private readonly int _prefixLength;
    private readonly List<(int Left, int Right, int Whole)> _merges = [];
    private byte[] _whole = new byte[64];
    private int _leftLength;
    private int _leftId;

    public MergeBuilder(string file, string path, Vocabulary vocabulary, string prefix)
    {
        _file = file;
        _path = path;
        _vocabulary = vocabulary;
        _prefixLength = Encoding.UTF8.GetByteCount(prefix);
    }

    /// <summary>Adds a merge written as two tokens with a blank between; a line that tells the version does not count.</summary>
    public void AddLine(ReadOnlySpan<byte> line)
    {
        if (line.StartsWith("#version"u8)) return;
        var blank = line.IndexOf((byte)' ');
        if (blank < 0 || line[(blank + 1)..].Contains((byte)' '))
            throw new CheckpointException($"{_file}: {_path}[{_merges.Count}] must be two tokens with one blank between, found "
                + $"\"{Shown(line)}\".");
        Left(line[..blank]);
        Right(line[(blank + 1)..]);
    }

    /// <summary>Takes the left part of a merge.</summary>
    public void Left(ReadOnlySpan<byte> token)
    {
        _leftId = Find(token);
        _leftLength = 0;
        Append(token);
    }

    /// <summary>Takes the right part and adds the merge.</summary>
    public void Right(ReadOnlySpan<byte> token)
    {
        var right = Find(token);
        if (token.Length < _prefixLength) throw Unknown(token);
        Append(token[_prefixLength..]);
        _merges.Add((_leftId, right, Find(_whole.AsSpan(0, _leftLength))));
    }

    /// <summary>The pairs of letters that the merges join.</summary>
    public MergeBoundaries Boundaries() => MergeBoundaries.Of(_vocabulary, [.. _merges.Select(merge => (merge.Left, merge.Right))]);

    /// <summary>The table of all merges, ranked in the order they came.</summary>
    public MergeTable Table()
    {
        var table = new MergeTable(_merges.Count);
        for (var rank = 0; rank < _merges.Count; rank++) table.Add(_merges[rank].Left, _merges[rank].Right, rank, _merges[rank].Whole);
        return table;
    }

    private void Append(ReadOnlySpan<byte> token)
    {
        if (_leftLength + token.Length > _whole.Length) Array.Resize(ref _whole, (_leftLength + token.Length) * 2);
        token.CopyTo(_whole.AsSpan(_leftLength));
        _leftLength += token.Length;
    }

    private int Find(ReadOnlySpan<byte> token) => _vocabulary.TryFind(token, out var id) ? id : throw Unknown(token);

    private CheckpointException Unknown(ReadOnlySpan<byte> token) =>
        new($"{_file}: {_path}[{_merges.Count}] must name tokens of the vocabulary, found \"{Shown(token)}\".");

    private static string Shown(ReadOnlySpan<byte> text) => Encoding.UTF8.GetString(text[..Math.Min(60, text.Length)]);
}
