<?xml version="1.0" encoding="UTF-8"?>
<!-- SPDX-License-Identifier: Apache-2.0 -->
<!-- bundle-parties.xsl - the persons of an OpenCRVS bundle: Patient, RelatedPerson, Practitioner (part of webhook.xsl). -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:kw="urn:kinward:mapping:1"
  xmlns:j="http://www.w3.org/2005/xpath-functions" xmlns="urn:kinward:record:1" exclude-result-prefixes="kw j">

  <!-- Id of the Patient that a section is about; sections of informants and witnesses name a RelatedPerson in between. -->
  <xsl:template name="section-patient">
    <xsl:param name="composition"/>
    <xsl:param name="code"/>
    <xsl:variable name="id">
      <xsl:call-template name="id-of">
        <xsl:with-param name="reference" select="$composition/j:array[@key = 'section']/j:map[j:map[@key = 'code']/j:array[@key = 'coding']/j:map/j:string[@key = 'code'] = $code][1]/j:array[@key = 'entry']/j:map[1]/j:string[@key = 'reference']"/>
      </xsl:call-template>
    </xsl:variable>
    <xsl:variable name="related" select="key('by-id', string($id))[j:string[@key = 'resourceType'] = 'RelatedPerson'][1]"/>
    <xsl:choose>
      <xsl:when test="$related">
        <xsl:call-template name="id-of"><xsl:with-param name="reference" select="$related/j:map[@key = 'patient']/j:string[@key = 'reference']"/></xsl:call-template>
      </xsl:when>
      <xsl:otherwise><xsl:value-of select="$id"/></xsl:otherwise>
    </xsl:choose>
  </xsl:template>

  <xsl:template name="section-relationship">
    <xsl:param name="composition"/>
    <xsl:param name="code"/>
    <xsl:variable name="id">
      <xsl:call-template name="id-of">
        <xsl:with-param name="reference" select="$composition/j:array[@key = 'section']/j:map[j:map[@key = 'code']/j:array[@key = 'coding']/j:map/j:string[@key = 'code'] = $code][1]/j:array[@key = 'entry']/j:map[1]/j:string[@key = 'reference']"/>
      </xsl:call-template>
    </xsl:variable>
    <xsl:variable name="relationship" select="key('by-id', string($id))[j:string[@key = 'resourceType'] = 'RelatedPerson'][1]/*[@key = 'relationship']"/>
    <!-- An object in OpenCRVS, a list in FHIR; "OTHER" comes with the words as text. -->
    <xsl:variable name="concept" select="$relationship/self::j:map | $relationship/self::j:array/j:map[1]"/>
    <xsl:choose>
      <xsl:when test="kw:text($concept/j:string[@key = 'text']) != '' and ($concept/j:array[@key = 'coding']/j:map[1]/j:string[@key = 'code'] = 'OTHER' or not($concept/j:array[@key = 'coding']/j:map[1]/j:string[@key = 'code'] != ''))">
        <xsl:value-of select="kw:text($concept/j:string[@key = 'text'])"/>
      </xsl:when>
      <xsl:otherwise><xsl:value-of select="$concept/j:array[@key = 'coding']/j:map[1]/j:string[@key = 'code']"/></xsl:otherwise>
    </xsl:choose>
  </xsl:template>

  <xsl:template name="parties">
    <xsl:param name="composition"/>
    <xsl:param name="task"/>
    <xsl:param name="kind"/>
    <xsl:param name="event-date"/>
    <xsl:variable name="subject">
      <xsl:choose>
        <xsl:when test="$kind = 'birth'">child</xsl:when>
        <xsl:when test="$kind = 'death'">deceased</xsl:when>
        <xsl:otherwise>bride</xsl:otherwise>
      </xsl:choose>
    </xsl:variable>
    <xsl:variable name="informant">
      <xsl:call-template name="section-patient">
        <xsl:with-param name="composition" select="$composition"/>
        <xsl:with-param name="code" select="'informant-details'"/>
      </xsl:call-template>
    </xsl:variable>
    <xsl:variable name="informant-relationship">
      <xsl:call-template name="section-relationship">
        <xsl:with-param name="composition" select="$composition"/>
        <xsl:with-param name="code" select="'informant-details'"/>
      </xsl:call-template>
    </xsl:variable>
    <!-- One party for each person: the informant's section mostly names a person who has a section already. -->
    <xsl:call-template name="section-parties">
      <xsl:with-param name="composition" select="$composition"/>
      <xsl:with-param name="task" select="$task"/>
      <xsl:with-param name="subject" select="string($subject)"/>
      <xsl:with-param name="event-date" select="$event-date"/>
      <xsl:with-param name="informant" select="string($informant)"/>
      <xsl:with-param name="informant-relationship" select="string($informant-relationship)"/>
      <xsl:with-param name="codes" select="'child deceased bride groom mother father spouse witness-one witness-two informant '"/>
      <xsl:with-param name="done" select="' '"/>
    </xsl:call-template>
    <xsl:call-template name="officer"><xsl:with-param name="task" select="$task"/></xsl:call-template>
  </xsl:template>

  <!-- Goes through the words of codes; done holds the ids of the persons written. -->
  <xsl:template name="section-parties">
    <xsl:param name="composition"/>
    <xsl:param name="task"/>
    <xsl:param name="subject"/>
    <xsl:param name="event-date"/>
    <xsl:param name="informant"/>
    <xsl:param name="informant-relationship"/>
    <xsl:param name="codes"/>
    <xsl:param name="done"/>
    <xsl:variable name="code" select="substring-before($codes, ' ')"/>
    <xsl:if test="$code != ''">
      <xsl:variable name="id">
        <xsl:call-template name="section-patient">
          <xsl:with-param name="composition" select="$composition"/>
          <xsl:with-param name="code" select="concat($code, '-details')"/>
        </xsl:call-template>
      </xsl:variable>
      <xsl:variable name="patient" select="key('by-id', string($id))[j:string[@key = 'resourceType'] = 'Patient'][1]"/>
      <xsl:if test="$patient and not(contains($done, concat(' ', $id, ' ')))">
        <xsl:variable name="relationship">
          <xsl:choose>
            <xsl:when test="$id = $informant and $informant-relationship != ''"><xsl:value-of select="$informant-relationship"/></xsl:when>
            <xsl:when test="starts-with($code, 'witness')">
              <xsl:call-template name="section-relationship">
                <xsl:with-param name="composition" select="$composition"/>
                <xsl:with-param name="code" select="concat($code, '-details')"/>
              </xsl:call-template>
            </xsl:when>
          </xsl:choose>
        </xsl:variable>
        <xsl:call-template name="party">
          <xsl:with-param name="patient" select="$patient"/>
          <xsl:with-param name="code" select="$code"/>
          <xsl:with-param name="is-informant" select="$id = $informant"/>
          <xsl:with-param name="subject" select="$subject"/>
          <xsl:with-param name="relationship" select="string($relationship)"/>
          <xsl:with-param name="task" select="$task"/>
          <xsl:with-param name="event-date" select="$event-date"/>
        </xsl:call-template>
      </xsl:if>
      <xsl:call-template name="section-parties">
        <xsl:with-param name="composition" select="$composition"/>
        <xsl:with-param name="task" select="$task"/>
        <xsl:with-param name="subject" select="$subject"/>
        <xsl:with-param name="event-date" select="$event-date"/>
        <xsl:with-param name="informant" select="$informant"/>
        <xsl:with-param name="informant-relationship" select="$informant-relationship"/>
        <xsl:with-param name="codes" select="substring-after($codes, ' ')"/>
        <xsl:with-param name="done" select="concat($done, $id, ' ')"/>
      </xsl:call-template>
    </xsl:if>
  </xsl:template>

  <xsl:template name="party">
    <xsl:param name="patient"/>
    <xsl:param name="code"/>
    <xsl:param name="is-informant"/>
    <xsl:param name="subject"/>
    <xsl:param name="relationship"/>
    <xsl:param name="task"/>
    <xsl:param name="event-date"/>
    <xsl:variable name="extensions" select="$patient/j:array[@key = 'extension']/j:map"/>
    <xsl:variable name="nationality" select="$extensions[j:string[@key = 'url'] = 'http://hl7.org/fhir/StructureDefinition/patient-nationality']/j:array[@key = 'extension']/j:map[j:string[@key = 'url'] = 'code']/j:map[@key = 'valueCodeableConcept']/j:array[@key = 'coding']/j:map/j:string[@key = 'code']"/>
    <xsl:variable name="age" select="$extensions[j:string[@key = 'url'] = concat($extension, 'age-of-individual-in-years')]/*[starts-with(@key, 'value')]"/>
    <xsl:variable name="birth-date" select="$patient/j:string[@key = 'birthDate']"/>
    <party id="{$code}">
      <role>
        <xsl:choose>
          <xsl:when test="starts-with($code, 'witness')">witness</xsl:when>
          <xsl:otherwise><xsl:value-of select="$code"/></xsl:otherwise>
        </xsl:choose>
      </role>
      <xsl:if test="$is-informant and $code != 'informant'"><role>informant</role></xsl:if>
      <xsl:apply-templates select="$patient/j:array[@key = 'name']/j:map"/>
      <xsl:variable name="citizenship"><xsl:if test="kw:text($nationality[1]) != ''"><xsl:value-of select="kw:code('citizenship', $nationality[1])"/></xsl:if></xsl:variable>
      <xsl:for-each select="$patient/j:array[@key = 'identifier']/j:map">
        <xsl:call-template name="identifier">
          <xsl:with-param name="type" select="string((j:map[@key = 'type']/j:array[@key = 'coding']/j:map[1]/j:string[@key = 'code'] | j:string[@key = 'type'])[1])"/>
          <xsl:with-param name="value" select="*[@key = 'value' or @key = 'id']"/>
          <xsl:with-param name="citizenship" select="string($citizenship)"/>
        </xsl:call-template>
      </xsl:for-each>
      <xsl:call-template name="own-number">
        <xsl:with-param name="code" select="$code"/>
        <xsl:with-param name="patient" select="$patient"/>
        <xsl:with-param name="task" select="$task"/>
      </xsl:call-template>
      <xsl:copy-of select="kw:coded('sex', 'sex', $patient/j:string[@key = 'gender'], 'http://hl7.org/fhir/administrative-gender')"/>
      <xsl:call-template name="date-of-birth">
        <xsl:with-param name="date" select="$birth-date"/>
        <xsl:with-param name="age" select="$age"/>
        <xsl:with-param name="at" select="$event-date"/>
      </xsl:call-template>
      <xsl:if test="kw:text($patient/j:string[@key = 'deceasedDateTime']) != ''">
        <dateOfDeath><xsl:copy-of select="kw:date($patient/j:string[@key = 'deceasedDateTime'])"/></dateOfDeath>
      </xsl:if>
      <xsl:if test="$patient/j:boolean[@key = 'deceasedBoolean'] = 'true'"><deceased>true</deceased></xsl:if>
      <xsl:call-template name="stated-age"><xsl:with-param name="date" select="$birth-date"/><xsl:with-param name="age" select="$age"/></xsl:call-template>
      <xsl:for-each select="$nationality"><xsl:copy-of select="kw:coded('citizenship', 'citizenship', ., 'urn:iso:std:iso:3166')"/></xsl:for-each>
      <xsl:copy-of select="kw:coded('maritalStatus', 'marital-status', ($patient/j:map[@key = 'maritalStatus']/j:array[@key = 'coding']/j:map[1]/j:string[@key = 'code'] | $patient/j:map[@key = 'maritalStatus'][not(j:array[@key = 'coding']/j:map/j:string[@key = 'code'] != '')]/j:string[@key = 'text'])[1], 'http://opencrvs.org/specs/marital-status')"/>
      <xsl:for-each select="$patient/j:array[@key = 'address']/j:map[j:string[@key = 'type'] = 'PRIMARY_ADDRESS'][1]">
        <xsl:call-template name="address"><xsl:with-param name="element" select="'usualResidence'"/><xsl:with-param name="address" select="."/></xsl:call-template>
      </xsl:for-each>
      <xsl:for-each select="$patient/j:array[@key = 'address']/j:map[not(j:string[@key = 'type'] = 'PRIMARY_ADDRESS') or preceding-sibling::j:map/j:string[@key = 'type'] = 'PRIMARY_ADDRESS']">
        <xsl:call-template name="address"><xsl:with-param name="element" select="'address'"/><xsl:with-param name="address" select="."/></xsl:call-template>
      </xsl:for-each>
      <xsl:call-template name="contacts">
        <xsl:with-param name="patient" select="$patient"/>
        <xsl:with-param name="task" select="$task[$is-informant]"/>
      </xsl:call-template>
      <xsl:call-template name="text"><xsl:with-param name="element" select="'religion'"/><xsl:with-param name="value" select="$extensions[contains(j:string[@key = 'url'], 'patient-religion')]/j:string[starts-with(@key, 'value')]"/></xsl:call-template>
      <xsl:copy-of select="kw:coded('educationalAttainment', 'educational-attainment', $extensions[contains(j:string[@key = 'url'], 'educational-attainment')]/j:string[starts-with(@key, 'value')], 'http://opencrvs.org/specs/extension/educational-attainment')"/>
      <xsl:call-template name="text"><xsl:with-param name="element" select="'occupation'"/><xsl:with-param name="value" select="$extensions[contains(j:string[@key = 'url'], 'occupation')]/j:string[starts-with(@key, 'value')]"/></xsl:call-template>
      <xsl:variable name="reason" select="kw:text($extensions[contains(j:string[@key = 'url'], 'reason-not-applying')]/j:string[@key = 'valueString'])"/>
      <xsl:if test="$reason = ''">
        <xsl:call-template name="relationship">
          <xsl:with-param name="code" select="$code"/>
          <xsl:with-param name="subject" select="$subject"/>
          <xsl:with-param name="relationship" select="$relationship"/>
        </xsl:call-template>
      </xsl:if>
      <xsl:if test="$reason != '' or $patient/j:boolean[@key = 'active'] = 'false' or $extensions[contains(j:string[@key = 'url'], 'details-exist')]/j:boolean = 'false'">
        <detailsNotAvailable>
          <reason>not_recorded</reason>
          <xsl:if test="$reason != ''"><text><xsl:value-of select="$reason"/></text></xsl:if>
        </detailsNotAvailable>
      </xsl:if>
    </party>
  </xsl:template>

  <xsl:template match="j:array[@key = 'name']/j:map">
    <xsl:variable name="given" select="j:array[@key = 'given']/j:string[kw:name(.) != ''] | j:string[@key = 'given'][kw:name(.) != '']"/>
    <xsl:variable name="family" select="j:array[@key = 'family']/j:string[kw:name(.) != ''] | j:string[@key = 'family'][kw:name(.) != '']"/>
    <xsl:if test="$given or $family">
      <name>
        <xsl:call-template name="name-attributes">
          <xsl:with-param name="use" select="j:string[@key = 'use']"/>
          <xsl:with-param name="letters" select="concat($given, $family)"/>
        </xsl:call-template>
        <xsl:for-each select="$given"><givenName><xsl:value-of select="kw:name(.)"/></givenName></xsl:for-each>
        <xsl:for-each select="$family"><familyName><xsl:value-of select="kw:name(.)"/></familyName></xsl:for-each>
      </name>
    </xsl:if>
  </xsl:template>

  <!-- The number of the entry names the person it is about, where the Patient does not carry it itself. -->
  <xsl:template name="own-number">
    <xsl:param name="code"/>
    <xsl:param name="patient"/>
    <xsl:param name="task"/>
    <xsl:variable name="system">
      <xsl:choose>
        <xsl:when test="$code = 'child'">birth-registration-number</xsl:when>
        <xsl:when test="$code = 'deceased'">death-registration-number</xsl:when>
      </xsl:choose>
    </xsl:variable>
    <xsl:variable name="number" select="kw:text($task/j:array[@key = 'identifier']/j:map[$system != '' and contains(j:string[@key = 'system'], $system)]/j:string[@key = 'value'])"/>
    <xsl:if test="$number != '' and not($patient/j:array[@key = 'identifier']/j:map[j:string[@key = 'value'] = $number])">
      <identifier>
        <type><xsl:value-of select="concat(substring-before($system, '-'), '_registration')"/></type>
        <value><xsl:value-of select="$number"/></value>
        <xsl:if test="$own-country != ''"><issuingCountry><xsl:value-of select="$own-country"/></issuingCountry></xsl:if>
      </identifier>
    </xsl:if>
  </xsl:template>

  <xsl:template name="relationship">
    <xsl:param name="code"/>
    <xsl:param name="subject"/>
    <xsl:param name="relationship"/>
    <xsl:choose>
      <xsl:when test="$code = 'mother' or $code = 'father' or $code = 'spouse'">
        <relationship to="{$subject}"><type><xsl:value-of select="$code"/></type><basis>declared</basis></relationship>
      </xsl:when>
      <xsl:when test="$code = 'groom'">
        <relationship to="bride"><type>spouse</type><basis>marriage</basis></relationship>
      </xsl:when>
      <xsl:when test="$relationship != '' and $code != $subject">
        <relationship to="{$subject}">
          <xsl:copy-of select="kw:coded('type', 'relationship-type', $relationship, 'http://hl7.org/fhir/ValueSet/relatedperson-relationshiptype')"/>
          <basis>declared</basis>
        </relationship>
      </xsl:when>
    </xsl:choose>
  </xsl:template>

  <!-- Addresses have sixteen lines whose meaning is the country's; they are kept together, in their order. -->
  <xsl:template name="address">
    <xsl:param name="element"/>
    <xsl:param name="address"/>
    <xsl:variable name="lines">
      <xsl:for-each select="$address/j:array[@key = 'line']/j:string[kw:text(.) != '']">
        <xsl:if test="position() &gt; 1">, </xsl:if>
        <xsl:value-of select="kw:text(.)"/>
      </xsl:for-each>
    </xsl:variable>
    <xsl:variable name="district" select="kw:text($address/j:string[@key = 'district'])"/>
    <xsl:variable name="state" select="kw:text($address/j:string[@key = 'state'])"/>
    <xsl:variable name="district-location" select="key('by-id', $district)[j:string[@key = 'resourceType'] = 'Location'][1]"/>
    <xsl:variable name="state-location" select="key('by-id', $state)[j:string[@key = 'resourceType'] = 'Location'][1]"/>
    <xsl:variable name="part-of">
      <xsl:call-template name="id-of">
        <xsl:with-param name="reference" select="$address/j:array[@key = 'extension']/j:map[contains(j:string[@key = 'url'], 'part-of')]/j:map[@key = 'valueReference']/j:string[@key = 'reference']"/>
      </xsl:call-template>
    </xsl:variable>
    <xsl:variable name="country" select="kw:text($address/j:string[@key = 'country'])"/>
    <xsl:if test="concat($lines, $district, $state, $country, kw:text($address/j:string[@key = 'city']), kw:text($address/j:string[@key = 'postalCode'])) != ''">
      <xsl:element name="{$element}">
        <xsl:copy-of select="kw:coded('type', 'address-type', $address/j:string[@key = 'type'], 'http://opencrvs.org/specs/address-type')"/>
        <xsl:if test="$lines != ''"><fullAddress><xsl:value-of select="$lines"/></fullAddress></xsl:if>
        <xsl:call-template name="text"><xsl:with-param name="element" select="'postName'"/><xsl:with-param name="value" select="$address/j:string[@key = 'city']"/></xsl:call-template>
        <xsl:call-template name="text"><xsl:with-param name="element" select="'postCode'"/><xsl:with-param name="value" select="$address/j:string[@key = 'postalCode']"/></xsl:call-template>
        <xsl:choose>
          <xsl:when test="$district-location"><xsl:call-template name="text"><xsl:with-param name="element" select="'adminUnitL2'"/><xsl:with-param name="value" select="$district-location/j:string[@key = 'name']"/></xsl:call-template></xsl:when>
          <xsl:when test="$district != ''"><adminUnitL2><xsl:value-of select="$district"/></adminUnitL2></xsl:when>
        </xsl:choose>
        <xsl:choose>
          <xsl:when test="$state-location"><xsl:call-template name="text"><xsl:with-param name="element" select="'adminUnitL1'"/><xsl:with-param name="value" select="$state-location/j:string[@key = 'name']"/></xsl:call-template></xsl:when>
          <xsl:when test="$state != ''"><adminUnitL1><xsl:value-of select="$state"/></adminUnitL1></xsl:when>
        </xsl:choose>
        <xsl:if test="$district-location"><localCode><xsl:value-of select="$district"/></localCode></xsl:if>
        <xsl:if test="$state-location"><localCode><xsl:value-of select="$state"/></localCode></xsl:if>
        <xsl:if test="$part-of != '' and $part-of != '0' and $part-of != $district and $part-of != $state"><localCode><xsl:value-of select="$part-of"/></localCode></xsl:if>
        <xsl:copy-of select="kw:coded('country', 'country', $country, 'urn:iso:std:iso:3166')"/>
      </xsl:element>
    </xsl:if>
  </xsl:template>

  <!-- The contact of a declaration is the informant's. -->
  <xsl:template name="contacts">
    <xsl:param name="patient"/>
    <xsl:param name="task" select="/.."/>
    <xsl:for-each select="$patient/j:array[@key = 'telecom']/j:map[kw:text(j:string[@key = 'value']) != '']">
      <contact>
        <xsl:choose>
          <xsl:when test="kw:text(j:string[@key = 'system']) = ''"><type>unknown</type></xsl:when>
          <xsl:otherwise><xsl:copy-of select="kw:coded('type', 'contact-type', j:string[@key = 'system'], 'http://hl7.org/fhir/contact-point-system')"/></xsl:otherwise>
        </xsl:choose>
        <value><xsl:value-of select="kw:text(j:string[@key = 'value'])"/></value>
      </contact>
    </xsl:for-each>
    <xsl:for-each select="$task/j:array[@key = 'extension']/j:map[kw:text(j:string[@key = 'valueString']) != '']">
      <xsl:variable name="url" select="j:string[@key = 'url']"/>
      <xsl:if test="$url = concat($extension, 'contact-person-email') or $url = concat($extension, 'contact-person-phone-number')">
        <contact>
          <type>
            <xsl:choose>
              <xsl:when test="contains($url, 'email')">email</xsl:when>
              <xsl:otherwise>phone</xsl:otherwise>
            </xsl:choose>
          </type>
          <value><xsl:value-of select="kw:text(j:string[@key = 'valueString'])"/></value>
        </contact>
      </xsl:if>
    </xsl:for-each>
  </xsl:template>

  <!-- Who last acted on the entry. -->
  <xsl:template name="officer">
    <xsl:param name="task"/>
    <xsl:variable name="id">
      <xsl:call-template name="id-of">
        <xsl:with-param name="reference" select="$task/j:array[@key = 'extension']/j:map[j:string[@key = 'url'] = concat($extension, 'regLastUser')]/j:map[@key = 'valueReference']/j:string[@key = 'reference']"/>
      </xsl:call-template>
    </xsl:variable>
    <xsl:variable name="practitioner" select="key('by-id', string($id))[j:string[@key = 'resourceType'] = 'Practitioner'][1]"/>
    <xsl:if test="$id != ''">
      <party id="officer">
        <xsl:variable name="position" select="/descendant::j:map[@key = 'resource'][j:string[@key = 'resourceType'] = 'PractitionerRole'][contains(j:map[@key = 'practitioner']/j:string[@key = 'reference'], $id)][1]/j:array[@key = 'code']/j:map[1]/j:array[@key = 'coding']/j:map[1]/j:string[@key = 'code']"/>
        <xsl:choose>
          <xsl:when test="$position != ''"><role original="{$position}" originalSystem="http://opencrvs.org/specs/roles">registrar</role></xsl:when>
          <xsl:otherwise><role>registrar</role></xsl:otherwise>
        </xsl:choose>
        <xsl:apply-templates select="$practitioner/j:array[@key = 'name']/j:map"/>
        <identifier><type>professional</type><value><xsl:value-of select="$id"/></value></identifier>
        <xsl:call-template name="contacts"><xsl:with-param name="patient" select="$practitioner"/></xsl:call-template>
      </party>
    </xsl:if>
  </xsl:template>
</xsl:stylesheet>
