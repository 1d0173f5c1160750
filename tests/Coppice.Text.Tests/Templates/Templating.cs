using System.Text.Json;
using Coppice.Text;

namespace Coppice.Text.Tests.Templates;

/// <summary>Renders small templates for the tests beside this file.</summary>
internal static class Templating
{
    /// <summary>A time on which strftime's numbers with and without padding differ.</summary>
    public static DateTime Now { get; } = new(2026, 3, 5, 7, 4, 9);

    /// <summary>The text of a template rendered with the given variables and no messages.</summary>
    public static string Render(string template, string variables = "{}", TemplateLimits? limits = null)
    {
        using var document = JsonDocument.Parse(variables);
        return new ChatTemplate(template, limits).Render(new ChatTemplateInput
        {
            Now = Now,
            Variables = document.RootElement.EnumerateObject().ToDictionary(property => property.Name, property => property.Value),
        });
    }

    /// <summary>The error of a template that cannot be parsed or rendered.</summary>
    public static TemplateException Fail(string template, string variables = "{}", TemplateLimits? limits = null) =>
        Xunit.Assert.Throws<TemplateException>(() => Render(template, variables, limits));
}
