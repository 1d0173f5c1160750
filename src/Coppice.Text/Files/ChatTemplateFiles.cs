using System.Text;

namespace Coppice.Text.Files;

/// <summary>
/// The chat templates of a folder, from the keys and files in which they were kept over time; later ones replace earlier ones.
/// </summary>
internal sealed class ChatTemplateFiles
{
    private const string Key = "chat_template", Usual = "default";

    private readonly Dictionary<string, string> _byName = [];
    private readonly List<string> _warnings = [];

    private ChatTemplateFiles() { }

    /// <summary>Templates by name; the one for ordinary use is called "default".</summary>
    public Dictionary<string, string> ByName => _byName;

    /// <summary>What is no template and was left out, a sentence each: texts need none.</summary>
    public IReadOnlyList<string> Warnings => _warnings;

    /// <summary>
    /// Reads them from <paramref name="config"/> (tokenizer_config.json), <paramref name="json"/> (chat_template.json), chat_template.jinja
    /// and additional_chat_templates.
    /// </summary>
    public static ChatTemplateFiles Read(string folder, JsonField? config, JsonField? json)
    {
        var templates = new ChatTemplateFiles();
        templates.Add(config);
        templates.Add(json);
        templates.AddFile(Path.Combine(folder, "chat_template.jinja"), Usual);
        var further = Path.Combine(folder, "additional_chat_templates");
        if (!Directory.Exists(further)) return templates;
        foreach (var path in Directory.EnumerateFiles(further, "*.jinja").Order(StringComparer.Ordinal))
            templates.AddFile(path, Path.GetFileNameWithoutExtension(path));
        return templates;
    }

    /// <summary>One template, an object of templates by name, or a list of objects with name and template.</summary>
    private void Add(JsonField? file)
    {
        if (file?.Optional(Key) is not { } field) return;
        if (field.IsString) Add(Usual, field, field);
        else if (field.IsObject)
        {
            foreach (var (name, template) in field.Members()) Add(name, template, field);
        }
        else if (field.IsArray)
        {
            foreach (var item in field.Items())
            {
                if (item.IsObject && item.Optional("name") is { IsString: true } name && item.Optional("template") is { } template)
                    Add(name.Text, template, field);
                else LeaveOut(item);
            }
        }
        else LeaveOut(field);
    }

    private void Add(string name, JsonField template, JsonField field)
    {
        if (template.IsString) _byName[name] = template.Text;
        else LeaveOut(field);
    }

    private void LeaveOut(JsonField field) =>
        _warnings.Add(field.Wrong("a string, an object of strings or a list of named templates").Message.TrimEnd('.')
            + "; it is left out.");

    private void AddFile(string path, string name)
    {
        if (File.Exists(path)) _byName[name] = Encoding.UTF8.GetString(JsonSource.Read(path).Bytes.Span);
    }
}
